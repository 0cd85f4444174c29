import { z } from 'zod';
import { TASK_STATES } from '@app/a2a';
import { PageQuery } from '@app/web';
import { FileInput, MAX_FILES, MAX_MESSAGE_LENGTH } from './message-parts.js';
import { SessionId } from './sessions.schemas.js';

const MAX_ID_LENGTH = 512;

export const TaskId = z.uuid('expected the id of a task: a UUID').describe('Id of a task.');
export const ArtifactId = z.string().min(1).max(MAX_ID_LENGTH).describe("The agent's id of the artifact.");

const Slug = z.string().regex(/^[a-z0-9-]{1,32}$/, 'expected the slug of an agent');
const State = z.enum(TASK_STATES);

const Said = z.strictObject({
  message: z.string().min(1).max(MAX_MESSAGE_LENGTH).optional().describe('What to tell the agent, in plain words.'),
  data: z.record(z.string(), z.unknown()).optional().describe('Structured input.'),
  files: z.array(FileInput).max(MAX_FILES).optional(),
});
type Said = z.infer<typeof Said>;

const saysSomething = ({ message, data, files = [] }: Said) =>
  message !== undefined || data !== undefined || files.length > 0;
const NOTHING_SAID = { path: ['message'], error: 'expected at least one of message, data and files' };

export const TaskMessage = Said.refine(saysSomething, NOTHING_SAID).meta({ id: 'TaskMessage' });
export type TaskMessage = z.infer<typeof TaskMessage>;

export const TaskInput = Said.extend({
  agent: Slug.describe('Slug of the agent.'),
  skill: z.string().min(1).max(200).optional().describe('Id of the skill that is meant.'),
  contextId: z
    .string()
    .min(1)
    .max(MAX_ID_LENGTH)
    .optional()
    .describe('Goes on with a conversation: the `contextId` of an earlier task of yours with this agent.'),
  sessionId: SessionId.optional().describe('The session that carries the conversations with its agents.'),
})
  .refine(saysSomething, NOTHING_SAID)
  .meta({ id: 'NewTask' });
export type TaskInput = z.infer<typeof TaskInput>;

export const TaskListQuery = PageQuery.extend({
  agent: Slug.optional(),
  state: State.optional(),
  session: SessionId.optional(),
});
export type TaskListQuery = z.infer<typeof TaskListQuery>;

export const TaskEventsQuery = z.object({
  from: z.coerce
    .number()
    .int()
    .min(0)
    .default(0)
    .describe('Number of the last event that is known already; `Last-Event-ID` wins.'),
});
export type TaskEventsQuery = z.infer<typeof TaskEventsQuery>;

const PartShape = z
  .object({
    text: z.string().optional(),
    data: z.unknown().optional(),
    raw: z.base64().optional(),
    url: z.string().optional(),
    filename: z.string().optional(),
    mediaType: z.string().optional(),
    metadata: z.record(z.string(), z.unknown()).optional(),
  })
  .describe('Exactly one of `text`, `data`, `raw` (base64) and `url` is there.')
  .meta({ id: 'Part' });

const ArtifactShape = z
  .object({
    artifactId: z.string(),
    name: z.string().optional(),
    description: z.string().optional(),
    parts: z.array(PartShape),
  })
  .meta({ id: 'Artifact' });

export const TaskShape = z
  .object({
    taskId: z.uuid(),
    kind: z.string().describe('`agent`: a call to an agent; `workflow`: a run of a workflow.'),
    agent: z.string().describe('Slug of the agent; of a run `workflow/<name>`.'),
    parentId: z.uuid().optional().describe('The run of a workflow that it is a step of.'),
    skill: z.string().optional(),
    sessionId: z.uuid().optional(),
    contextId: z.string().optional().describe("The agent's id of the conversation."),
    state: State,
    message: z.array(PartShape).optional().describe('What the agent said last.'),
    artifacts: z.array(ArtifactShape),
    history: z.array(z.array(PartShape)).describe('What the agent said before that, oldest first.'),
    error: z
      .object({ code: z.string(), message: z.string() })
      .optional()
      .describe('Why it failed, when it was not the agent that said so.'),
    undelivered: z
      .array(z.array(PartShape))
      .optional()
      .describe('Answers that came too late: the task was over before the agent could hear them.'),
    lastSeq: z.number().int().describe('Number of the last event.'),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
    finishedAt: z.iso.datetime().optional(),
  })
  .meta({ id: 'Task' });

export const TaskPage = z
  .object({ items: z.array(TaskShape), nextPageToken: z.string().optional() })
  .describe('Tasks, without artifacts and history.')
  .meta({ id: 'TaskPage' });

export const TaskCancellation = z
  .object({ canceled: z.boolean().describe('False when the task was over already.'), task: TaskShape })
  .meta({ id: 'TaskCancellation' });
