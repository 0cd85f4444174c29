import { z } from 'zod';
import { FileInput, MAX_FILES, MAX_MESSAGE_LENGTH } from '@app/tasks';

/** The task states in the words of `get_status`. */
export const REQUEST_STATUSES = [
  'queued',
  'running',
  'input_required',
  'auth_required',
  'paused',
  'done',
  'error',
  'canceled',
] as const;
const RequestStatus = z.enum(REQUEST_STATUSES);
export type RequestStatus = z.infer<typeof RequestStatus>;

const AgentId = z.string().min(1).max(100).describe('Id of an agent, from list_agents.');
const RequestId = z.uuid().describe('Id of a request, from invoke_agent.');
const SessionId = z.uuid().describe('Id of a session, from open_session.');
const Capability = z
  .string()
  .max(200)
  .default('')
  .describe('Id of a skill, from describe_agent. Empty, `*` or the id of the agent: the agent as a whole.');
const IdempotencyKey = z
  .string()
  .min(1)
  .max(200)
  .describe('The same key with the same input is the same request, however often it is sent.');

const Message = z
  .strictObject({
    message: z.string().min(1).max(MAX_MESSAGE_LENGTH).optional().describe('What to tell the agent, in plain words.'),
    data: z.record(z.string(), z.unknown()).optional().describe('Structured input for the agent.'),
    files: z.array(FileInput).max(MAX_FILES).optional().describe('Files, each inline (data) or by address (uri).'),
  })
  .describe('What the agent is told: a message, data or files.');
const Input = Message.refine(
  ({ message, data, files = [] }) => message !== undefined || data !== undefined || files.length > 0,
  { error: 'expected message, data or files' },
);

export const ListAgents = z.strictObject({
  search: z.string().max(200).optional().describe('Part of an id, name or description.'),
  category: z.string().max(100).optional(),
  tags: z.array(z.string()).max(32).optional().describe('Agents with any of these tags.'),
});
export const DescribeAgent = z.strictObject({ id: AgentId });
export const OpenSession = z.strictObject({
  sessionId: SessionId.optional().describe('A UUID to call it by; the same one gives the same session again.'),
});
export const CloseSession = z.strictObject({ sessionId: SessionId });
export const InvokeAgent = z.strictObject({
  agentId: AgentId,
  capability: Capability,
  input: Input,
  requestId: RequestId.optional().describe('Answers this request, which asked something, instead of making a new one.'),
  sessionId: SessionId.optional().describe('The agent remembers what was said earlier in this session.'),
  idempotencyKey: IdempotencyKey.optional(),
});
export const Handoff = z.strictObject({
  fromRequestId: RequestId.describe('The request whose result is handed over, with its session.'),
  toAgentId: AgentId.describe('The agent that goes on with it.'),
  capability: Capability,
  payload: Message.default({}).describe('What the agent is told beside the result.'),
  idempotencyKey: IdempotencyKey.optional(),
});
export const Cancel = z.strictObject({ requestId: RequestId });
export const GetStatus = z.strictObject({ requestId: RequestId });

const Part = z.object({
  text: z.string().optional(),
  data: z.unknown().optional(),
  raw: z.string().optional().describe('A file, base64.'),
  url: z.string().optional(),
  filename: z.string().optional(),
  mediaType: z.string().optional(),
  metadata: z.record(z.string(), z.unknown()).optional(),
});
const Artifact = z.object({
  artifactId: z.string(),
  name: z.string().optional(),
  description: z.string().optional(),
  parts: z.array(Part),
});

const SkillRef = z.object({ id: z.string(), name: z.string() });
const AgentSummary = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string(),
  version: z.string(),
  category: z.string(),
  tags: z.array(z.string()),
  skills: z.array(SkillRef),
  tools: z.array(z.string()).describe('Names of its MCP tools.'),
});
export type AgentSummary = z.infer<typeof AgentSummary>;
export const AgentSummaries = z.object({ agents: z.array(AgentSummary) });

export const AgentDetails = AgentSummary.extend({
  provider: z.string().optional(),
  documentationUrl: z.string().optional(),
  streaming: z.boolean(),
  inputModes: z.array(z.string()),
  outputModes: z.array(z.string()),
  skills: z.array(
    SkillRef.extend({
      description: z.string(),
      tags: z.array(z.string()),
      examples: z.array(z.string()),
      inputModes: z.array(z.string()).optional(),
      outputModes: z.array(z.string()).optional(),
    }),
  ),
  tools: z.array(z.object({ name: z.string(), title: z.string(), skill: z.string().optional() })),
});
export type AgentDetails = z.infer<typeof AgentDetails>;

export const SessionView = z.object({ sessionId: z.string(), createdAt: z.iso.datetime() });
export const SessionClosed = z.object({ closed: z.boolean().describe('False when it was closed already.') });

export const Invocation = z.object({
  requestId: z.string(),
  status: RequestStatus,
  streamUrl: z.string().describe('Follows this request over a WebSocket; opens it for some minutes.'),
  sessionId: z.string().optional(),
});
export type Invocation = z.infer<typeof Invocation>;

export const Cancellation = z.object({
  requestId: z.string(),
  canceled: z.boolean().describe('False when the request was over already.'),
  status: RequestStatus,
});

export const RequestView = Invocation.extend({
  agentId: z.string().describe('Id of the agent; of the run of a workflow `workflow/<name>`.'),
  capability: z.string().optional().describe('Id of the skill; absent: the agent as a whole.'),
  message: z.string().optional().describe('What the agent said last: how far it is, what it asks, why it failed.'),
  result: z
    .object({ text: z.string().describe('The answer in words.'), artifacts: z.array(Artifact) })
    .optional()
    .describe('What came of it; also what there is of it when it failed or was canceled.'),
  error: z
    .object({ code: z.string().describe('Of a workflow: the type of its error.'), message: z.string() })
    .optional(),
  undelivered: z
    .array(z.array(Part))
    .optional()
    .describe('Answers that came too late: the request was over before the agent could hear them.'),
  lastSeq: z.number().int().describe('Number of its last event; `from` of a stream.'),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
  finishedAt: z.iso.datetime().optional(),
});
export type RequestView = z.infer<typeof RequestView>;
