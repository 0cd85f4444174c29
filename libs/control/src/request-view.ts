import { answerParts, type Artifact, type Part, type TaskState } from '@app/a2a';
import { isJsonObject } from '@app/core';
import type { TaskView } from '@app/tasks';
import type { RequestStatus, RequestView } from './control.schemas.js';

const STATUS: Readonly<Record<TaskState, RequestStatus>> = {
  submitted: 'queued',
  working: 'running',
  'input-required': 'input_required',
  'auth-required': 'auth_required',
  completed: 'done',
  failed: 'error',
  rejected: 'error',
  canceled: 'canceled',
};

/** What is told of a request that ended otherwise than well, when nobody said why. */
const ENDED_BADLY: Readonly<Partial<Record<TaskState, (who: string) => string>>> = {
  failed: (who) => `The ${who} failed`,
  rejected: (who) => `The ${who} rejected the request`,
  canceled: () => 'The request was canceled',
};

export const statusOf = (state: TaskState): RequestStatus => STATUS[state];

/** A task as `get_status` tells it, but for its stream, and for whether it is paused. */
export function requestView(task: TaskView): Omit<RequestView, 'streamUrl'> {
  const { taskId, agent, skill, sessionId, state, lastSeq, createdAt, updatedAt, finishedAt } = task;
  return {
    requestId: taskId,
    agentId: agent,
    ...(skill !== undefined && { capability: skill }),
    ...(sessionId !== undefined && { sessionId }),
    status: STATUS[state],
    ...outcomeOf(task),
    ...(task.undelivered !== undefined && { undelivered: task.undelivered.map((parts) => [...parts]) }),
    lastSeq,
    createdAt: createdAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
    ...(finishedAt !== undefined && { finishedAt: finishedAt.toISOString() }),
  };
}

/** What the agent said, what it produced and why it failed, as far as there is any of it. */
export function outcomeOf(task: TaskView): Pick<RequestView, 'message' | 'result' | 'error'> {
  const said = textOf(task.message);
  const hasResult = task.state === 'completed' || task.artifacts.length > 0;
  const error = errorOf(task, said);
  return {
    ...(said !== '' && { message: said }),
    ...(hasResult && { result: { text: wordsOf(task), artifacts: task.artifacts.map(copyOf) } }),
    ...(error !== undefined && { error }),
  };
}

/** What a task came to: its artifacts, else what the agent said. */
export const answerOf = (task: TaskView): readonly Part[] => answerParts({ ...task, length: 0 });

const copyOf = ({ parts, ...artifact }: Artifact) => ({ ...artifact, parts: [...parts] });

/** Agents speak; the output of a run may be nothing but data. */
function wordsOf(task: TaskView): string {
  const parts = answerOf(task);
  const data = task.kind === 'agent' ? undefined : parts[0]?.data;
  return data === undefined ? textOf(parts) : JSON.stringify(data, null, 2);
}

/** Of a run: the type of the problem that it failed with (RFC 7807). */
function errorOf({ state, error, kind, message = [] }: TaskView, said: string): RequestView['error'] {
  const otherwise = ENDED_BADLY[state];
  if (otherwise === undefined) return undefined;
  if (error !== undefined) return error;
  const problem = kind === 'agent' ? undefined : message.map(({ data }) => data).find(isJsonObject);
  const code = typeof problem?.type === 'string' ? problem.type : state;
  return { code, message: said === '' ? otherwise(kind) : said };
}

const textOf = (parts: readonly Part[] = []): string =>
  parts
    .map(({ text }) => text ?? '')
    .join('\n')
    .trim();
