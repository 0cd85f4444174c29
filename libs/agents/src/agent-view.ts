import type { Access } from '@app/permissions';
import { resourceOf } from './agent-access.js';
import type { Agent } from './agent.entity.js';
import type { AgentView } from './agents.schemas.js';
import { agentTools } from './agent-tools.js';

/** An agent as the REST API shows it to somebody: no secrets, no raw card, and only the skills that may be seen. */
export function viewOf(agent: Agent, access: Access): AgentView {
  const maySee = (skill?: string) => access.allows('agents:read', resourceOf(agent, skill));
  const { id, slug, name, description, category, tags, enabled, card, cardUrl, refreshError } = agent;
  const { resend, maxConcurrency } = agent;
  const { version, interfaces, streaming, inputModes, outputModes, skills } = card;
  return {
    id,
    slug,
    name,
    description,
    category,
    tags,
    enabled,
    resend,
    maxConcurrency,
    version,
    interfaces: [...interfaces],
    streaming,
    inputModes: [...inputModes],
    outputModes: [...outputModes],
    skills: skills
      .filter(({ id: skill }) => maySee(skill))
      .map((skill) => ({
        ...skill,
        tags: [...skill.tags],
        examples: [...skill.examples],
        inputModes: skill.inputModes && [...skill.inputModes],
        outputModes: skill.outputModes && [...skill.outputModes],
      })),
    tools: agentTools(slug, card)
      .filter(({ skill }) => maySee(skill?.id))
      .map((tool) => ({
        name: tool.name,
        title: tool.title,
        description: tool.description,
      })),
    cardUrl,
    cardFetchedAt: agent.cardFetchedAt.toISOString(),
    refreshError,
    createdAt: agent.createdAt.toISOString(),
    updatedAt: agent.updatedAt.toISOString(),
  };
}
