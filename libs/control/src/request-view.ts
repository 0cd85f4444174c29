import { answerParts, type Artifact, type Part, type TaskState } from '@app/a2a';
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

/** What is told of a request that ended otherwise than well and whose agent said nothing. */
const ENDED_BADLY: Readonly<Partial<Record<TaskState, string>>> = {
  failed: 'The agent failed',
  rejected: 'The agent rejected the request',
  canceled: 'The request was canceled',
};

export const statusOf = (state: TaskState): RequestStatus => STATUS[state];

/** A task as `get_status` tells it, but for its stream. */
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
    ...(hasResult && { result: { text: textOf(answerOf(task)), artifacts: task.artifacts.map(copyOf) } }),
    ...(error !== undefined && { error }),
  };
}

/** What a task came to: its artifacts, else what the agent said. */
export const answerOf = (task: TaskView): readonly Part[] => answerParts({ ...task, length: 0 });

const copyOf = ({ parts, ...artifact }: Artifact) => ({ ...artifact, parts: [...parts] });

function errorOf({ state, error }: TaskView, said: string): RequestView['error'] {
  const otherwise = ENDED_BADLY[state];
  if (otherwise === undefined) return undefined;
  return error ?? { code: state, message: said === '' ? otherwise : said };
}

const textOf = (parts: readonly Part[] = []): string =>
  parts
    .map(({ text }) => text ?? '')
    .join('\n')
    .trim();
