import type { z } from 'zod';
import { type DirectoryEntry, resourceOf } from '@app/agents';
import type { Access } from '@app/permissions';
import type { AgentDetails, AgentSummary, ListAgents } from './control.schemas.js';

/** Does the agent fit what was asked for? */
export function fits({ slug, category, tags, card }: DirectoryEntry, filter: z.infer<typeof ListAgents>): boolean {
  const text = `${slug} ${card.name} ${card.description}`.toLowerCase();
  if (filter.search !== undefined && !text.includes(filter.search.toLowerCase())) return false;
  if (filter.category !== undefined && filter.category !== category) return false;
  return filter.tags === undefined || filter.tags.length === 0 || filter.tags.some((tag) => tags.includes(tag));
}

/** The agent with the skills and tools that somebody may call; undefined when there are none. */
export function callableBy(access: Access, agent: DirectoryEntry): DirectoryEntry | undefined {
  const mayCall = (skill?: string) => access.allows('agents:call', resourceOf(agent, skill));
  if (access.isUnlimited('agents:call')) return agent;
  const tools = agent.tools.filter(({ skill }) => mayCall(skill?.id));
  if (tools.length === 0) return undefined;
  const skills = agent.card.skills.filter(({ id }) => mayCall(id));
  return { ...agent, tools, card: { ...agent.card, skills } };
}

export function summaryOf({ slug, category, tags, card, tools }: DirectoryEntry): AgentSummary {
  const { name, description, version, skills } = card;
  return {
    id: slug,
    name,
    description,
    version,
    category,
    tags: [...tags],
    skills: skills.map((skill) => ({ id: skill.id, name: skill.name })),
    tools: tools.map((tool) => tool.name),
  };
}

export function detailsOf(agent: DirectoryEntry): AgentDetails {
  const { provider, documentationUrl, streaming, inputModes, outputModes, skills } = agent.card;
  return {
    ...summaryOf(agent),
    provider,
    documentationUrl,
    streaming,
    inputModes: [...inputModes],
    outputModes: [...outputModes],
    skills: skills.map((skill) => ({
      ...skill,
      tags: [...skill.tags],
      examples: [...skill.examples],
      inputModes: skill.inputModes && [...skill.inputModes],
      outputModes: skill.outputModes && [...skill.outputModes],
    })),
    tools: agent.tools.map(({ name, title, skill }) => ({ name, title, skill: skill?.id })),
  };
}
