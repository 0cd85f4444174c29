import type { AgentCard, Skill } from '@app/a2a';
import type { JsonObject } from '@app/core';
import { MAX_FILES, MAX_MESSAGE_LENGTH } from '@app/tasks';

/** What a caller of an agent tool may say. */
export interface ToolInput {
  readonly message?: string;
  readonly context_id?: string;
  readonly task_id?: string;
  readonly files?: readonly { uri?: string; data?: string; mime?: string; name?: string }[];
  readonly data?: JsonObject;
  readonly session_id?: string;
  readonly idempotency_key?: string;
}

/** Which parts of the input an agent takes. */
interface Modes {
  readonly text: boolean;
  readonly files: boolean;
  readonly data: boolean;
}

/** Few, whatever the number of agents, so that each is compiled once. */
const schemas = new Map<string, JsonObject>();

/** The JSON Schema of a tool's arguments, as the input modes of the skill, or else of the card, allow. */
export function inputSchemaFor(card: AgentCard, skill: Skill | undefined): JsonObject {
  const modes = modesOf(skill?.inputModes ?? card.inputModes);
  const key = JSON.stringify(modes);
  const schema = schemas.get(key) ?? schemaFor(modes);
  schemas.set(key, schema);
  return schema;
}

function modesOf(inputModes: readonly string[]): Modes {
  const types = inputModes.map((mode) => mode.toLowerCase());
  const data = types.some((type) => type === 'application/json' || type.endsWith('+json') || type === 'data');
  const text = types.length === 0 || types.some((type) => type.startsWith('text') || type === '*/*');
  const files = types.some((type) => !type.startsWith('text') && type !== 'application/json' && type !== 'data');
  return { text: text || !data, files, data };
}

function schemaFor({ text, files, data }: Modes): JsonObject {
  return {
    type: 'object',
    properties: {
      message: {
        type: 'string',
        minLength: 1,
        maxLength: MAX_MESSAGE_LENGTH,
        description: 'What to tell the agent, in plain words.',
      },
      ...(files && { files: fileSchema }),
      ...(data && { data: { type: 'object', description: 'Structured input for the agent.' } }),
      context_id: { type: 'string', description: 'Goes on with a conversation: the context_id of an earlier result.' },
      session_id: {
        type: 'string',
        description: 'A session from open_session: remembers the conversation with each agent.',
      },
      idempotency_key: {
        type: 'string',
        minLength: 1,
        maxLength: 200,
        description: 'The same key with the same input gives the same task again.',
      },
      task_id: { type: 'string', description: 'Answers a task that asked something: the task_id of its result.' },
    },
    ...(text ? { required: ['message'] } : { anyOf: [{ required: ['message'] }, { required: ['data'] }] }),
    additionalProperties: false,
  };
}

const fileSchema = {
  type: 'array',
  maxItems: MAX_FILES,
  description: 'Files for the agent, each inline (data) or by address (uri).',
  items: {
    type: 'object',
    properties: {
      uri: { type: 'string', description: 'Where the agent finds the file.' },
      data: { type: 'string', pattern: '^[A-Za-z0-9+/]*={0,2}$', description: 'The file itself, base64.' },
      mime: { type: 'string', description: 'Media type, such as image/png.' },
      name: { type: 'string' },
    },
    oneOf: [{ required: ['uri'] }, { required: ['data'] }],
    additionalProperties: false,
  },
};
