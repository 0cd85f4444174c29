import type { DirectoryEntry } from '@app/agents';
import { type Caller, type JsonObject } from '@app/core';
import type { Tool } from '@app/mcp-protocol';
import { errorResult } from './agent-caller.js';
import { problemWith } from './arguments.js';

const READ_ONLY = { readOnlyHint: true, openWorldHint: false };

/** `list_agents` and `describe_agent`: what there is, for a client with too many tools to show them all. */
export function registryTools(agents: () => readonly DirectoryEntry[]): Tool<Caller>[] {
  return [listAgents(agents), describeAgent(agents)];
}

const listSchema = {
  type: 'object',
  properties: {
    search: { type: 'string', maxLength: 200, description: 'Part of an id, name or description.' },
    category: { type: 'string', maxLength: 100 },
    tags: { type: 'array', items: { type: 'string' }, maxItems: 32, description: 'Agents with any of these tags.' },
  },
  additionalProperties: false,
};

const describeSchema = {
  type: 'object',
  properties: { id: { type: 'string', minLength: 1, description: 'Id of an agent, from list_agents.' } },
  required: ['id'],
  additionalProperties: false,
};

function listAgents(agents: () => readonly DirectoryEntry[]): Tool<Caller> {
  const description = 'Lists the agents you may call, with their skills and the tools to call them with.';
  return {
    definition: {
      name: 'list_agents',
      title: 'List agents',
      description,
      inputSchema: listSchema,
      annotations: READ_ONLY,
    },
    validate: (args) => problemWith(listSchema, args),
    call: (args) => {
      const found = agents().filter((agent) => fits(agent, args as ListFilter));
      return structured({ agents: found.map(summaryOf) });
    },
  };
}

function describeAgent(agents: () => readonly DirectoryEntry[]): Tool<Caller> {
  const description = 'Describes one agent: its skills with examples, what it takes and gives, and its tools.';
  return {
    definition: {
      name: 'describe_agent',
      title: 'Describe an agent',
      description,
      inputSchema: describeSchema,
      annotations: READ_ONLY,
    },
    validate: (args) => problemWith(describeSchema, args),
    call: ({ id }) => {
      const agent = agents().find(({ slug }) => slug === id);
      return agent === undefined
        ? errorResult(`not_found: no agent ${String(id)}; list_agents tells which there are`)
        : structured(detailsOf(agent));
    },
  };
}

interface ListFilter {
  readonly search?: string;
  readonly category?: string;
  readonly tags?: readonly string[];
}

function fits({ slug, category, tags, card }: DirectoryEntry, filter: ListFilter): boolean {
  const text = `${slug} ${card.name} ${card.description}`.toLowerCase();
  if (filter.search !== undefined && !text.includes(filter.search.toLowerCase())) return false;
  if (filter.category !== undefined && filter.category !== category) return false;
  return filter.tags === undefined || filter.tags.length === 0 || filter.tags.some((tag) => tags.includes(tag));
}

function summaryOf({ slug, category, tags, card, tools }: DirectoryEntry): JsonObject {
  const skills = card.skills.map(({ id, name }) => ({ id, name }));
  return {
    id: slug,
    name: card.name,
    description: card.description,
    category,
    tags,
    skills,
    tools: tools.map(({ name }) => name),
  };
}

function detailsOf(agent: DirectoryEntry): JsonObject {
  const { version, provider, documentationUrl, streaming, inputModes, outputModes, skills } = agent.card;
  const tools = agent.tools.map(({ name, title, skill }) => ({ name, title, skill: skill?.id }));
  return {
    ...summaryOf(agent),
    version,
    provider,
    documentationUrl,
    streaming,
    inputModes,
    outputModes,
    skills,
    tools,
  };
}

function structured(value: JsonObject): JsonObject {
  return { content: [{ type: 'text', text: JSON.stringify(value, null, 2) }], structuredContent: value };
}
