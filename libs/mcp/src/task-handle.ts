import type { TaskState } from '@app/a2a';
import type { JsonObject } from '@app/core';
import type { TaskView } from '@app/tasks';
import type { Question } from './questions.js';
import { taskResult } from './task-result.js';

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
export const taskHandle = (task: TaskView, question: Question | undefined): JsonObject => ({
  resultType: 'task',
  ...taskStatus(task, question),
});

/** What `tasks/get` answers. @param question that the caller may answer */
export function taskStatus(task: TaskView, question: Question | undefined): JsonObject {
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
  // It waits for somebody else, or for an answer that no form can ask for: answer_workflow takes any.
  if (question === undefined && task.kind !== 'agent')
    return { ...common, status: 'working', statusMessage: textIn(taskResult(task)) };
  // Nothing to answer: the agent's turn is over and the conversation stays open.
  if (question === undefined) return { ...common, status: 'completed', result: complete(task) };
  return { ...common, status, inputRequests: { [question.key]: question.request } };
}

const complete = (task: TaskView): JsonObject => ({ ...taskResult(task), resultType: 'complete' });

function failureOf(task: TaskView): JsonObject {
  const result = taskResult(task);
  return { code: -32000, message: textIn(result) ?? 'The task failed', data: result.structuredContent };
}

const textIn = ({ content }: JsonObject): string | undefined => (content as { text?: string }[])[0]?.text;
