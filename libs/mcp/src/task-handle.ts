import type { TaskState } from '@app/a2a';
import type { JsonObject } from '@app/core';
import type { TaskView } from '@app/tasks';
import { questionRequest } from './questions.js';
import { toolResult } from './results.js';

/** What clients are told to wait between two looks. */
const POLL_INTERVAL_MS = 1_000;

/** The states of the Tasks extension (`io.modelcontextprotocol/tasks`). */
const STATUS: Readonly<Record<TaskState, string>> = {
  submitted: 'working',
  working: 'working',
  'input-required': 'input_required',
  'auth-required': 'input_required',
  completed: 'completed',
  failed: 'failed',
  rejected: 'failed',
  canceled: 'cancelled',
};

/** A `CreateTaskResult`: the client follows the task by itself. */
export const taskHandle = (task: TaskView): JsonObject => ({ resultType: 'task', ...taskStatus(task) });

/** What `tasks/get` answers. */
export function taskStatus(task: TaskView): JsonObject {
  const status = STATUS[task.state];
  const common = {
    taskId: task.taskId,
    createdAt: task.createdAt.toISOString(),
    lastUpdatedAt: task.updatedAt.toISOString(),
    ttlMs: null,
    pollIntervalMs: POLL_INTERVAL_MS,
  };
  if (status === 'completed') return { ...common, status, result: complete(task) };
  if (status === 'failed') return { ...common, status, error: failureOf(task) };
  if (status !== 'input_required') return { ...common, status };
  const question = questionRequest(task);
  // Nothing to answer: the agent's turn is over and the conversation stays open.
  if (question === undefined) return { ...common, status: 'completed', result: complete(task) };
  return { ...common, status, inputRequests: { [question.key]: question.request } };
}

const complete = (task: TaskView): JsonObject => ({ ...toolResult(task), resultType: 'complete' });

function failureOf(task: TaskView): JsonObject {
  const { content, structuredContent } = toolResult(task) as {
    content: { text?: string }[];
    structuredContent?: unknown;
  };
  return { code: -32000, message: content[0]?.text ?? 'The task failed', data: structuredContent };
}
