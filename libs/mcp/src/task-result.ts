import type { JsonObject } from '@app/core';
import type { TaskView } from '@app/tasks';
import { declinedByPerson, toolResult } from './results.js';
import { runDeclined, runResult } from './run-results.js';

/** What a task becomes for an MCP client. */
export const taskResult = (task: TaskView): JsonObject => (task.kind === 'agent' ? toolResult(task) : runResult(task));

/** The person did not want to answer; who asked still waits. */
export const declined = (task: TaskView): JsonObject =>
  task.kind === 'agent' ? declinedByPerson(task.taskId) : runDeclined(task);
