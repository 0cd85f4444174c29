import { createHash } from 'node:crypto';
import type { AgentCard, Skill } from '@app/a2a';

/** Fits every client with its own prefix: VS Code allows 64, Cursor 60, both with the server's name. */
const MAX_NAME_LENGTH = 48;
const HASH_LENGTH = 8;
/** Descriptions go into a model's context; a card must not be able to fill it. */
const MAX_DESCRIPTION_LENGTH = 2_000;
const MAX_EXAMPLES = 5;

/** An MCP tool made of an agent or of one of its skills. */
export interface AgentTool {
  /** Matches `^[a-z0-9_-]{1,48}$`. */
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** Undefined: the agent as a whole. */
  readonly skill?: Skill;
}

/** One tool for the agent and one for each skill, sorted by name; a pure function of slug and card. */
export function agentTools(slug: string, card: AgentCard): AgentTool[] {
  const whole: AgentTool = { name: slug, title: card.name, description: describeAgent(card) };
  const unique = card.skills.filter((skill, i) => card.skills.findIndex(({ id }) => id === skill.id) === i);
  const names = skillToolNames(slug, unique);
  const skills = unique.map((skill, i) => ({
    name: names[i] ?? slug,
    title: `${card.name}: ${skill.name}`,
    description: describeSkill(card, skill),
    skill,
  }));
  return [whole, ...skills].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** A hash of the exact id is added where the plain name would be too long or is wanted by two skills. */
function skillToolNames(slug: string, skills: readonly Skill[]): string[] {
  const plain = skills.map(({ id }) => `${slug}__${slugify(id)}`);
  return plain.map((name, i) => {
    const id = skills[i]?.id ?? '';
    const wanted = plain.filter((other) => other === name).length;
    if (wanted === 1 && name.length <= MAX_NAME_LENGTH && !name.endsWith('__')) return name;
    const hash = createHash('sha256').update(id).digest('hex').slice(0, HASH_LENGTH);
    return `${name.slice(0, MAX_NAME_LENGTH - HASH_LENGTH - 1)}-${hash}`;
  });
}

/** Lower-case letters, digits and single hyphens; may be empty. */
export function slugify(text: string): string {
  return text
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
}

function describeAgent(card: AgentCard): string {
  const skills = card.skills.map(({ name, description }) => `- ${name}: ${description}`);
  const examples = card.skills.flatMap((skill) => skill.examples);
  return joined([card.description, skills.length > 0 && `Skills:\n${skills.join('\n')}`, exampleLines(examples)]);
}

function describeSkill(card: AgentCard, skill: Skill): string {
  const tags = skill.tags.length > 0 && `Tags: ${skill.tags.join(', ')}`;
  return joined([skill.description, `A skill of ${card.name}.`, tags, exampleLines(skill.examples)]);
}

function exampleLines(examples: readonly string[]): string | false {
  return (
    examples.length > 0 &&
    `Examples:\n${examples
      .slice(0, MAX_EXAMPLES)
      .map((example) => `- ${example}`)
      .join('\n')}`
  );
}

function joined(paragraphs: (string | false)[]): string {
  const text = paragraphs.filter((paragraph) => paragraph !== false && paragraph !== '').join('\n\n');
  return text.length <= MAX_DESCRIPTION_LENGTH ? text : `${text.slice(0, MAX_DESCRIPTION_LENGTH - 1)}…`;
}
