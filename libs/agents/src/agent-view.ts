import type { Agent } from './agent.entity.js';
import type { AgentView } from './agents.schemas.js';
import { agentTools } from './agent-tools.js';

/** An agent as the REST API shows it: no secrets, no raw card. */
export function viewOf(agent: Agent): AgentView {
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
    skills: skills.map((skill) => ({
      ...skill,
      tags: [...skill.tags],
      examples: [...skill.examples],
      inputModes: skill.inputModes && [...skill.inputModes],
      outputModes: skill.outputModes && [...skill.outputModes],
    })),
    tools: agentTools(slug, card).map((tool) => ({
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
