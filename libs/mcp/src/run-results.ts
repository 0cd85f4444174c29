import { isJsonObject, type JsonObject } from '@app/core';
import type { TaskView } from '@app/tasks';
import { textContent } from './results.js';

/** What a run of a workflow becomes for an MCP client; `docs/results.md` is the table. */
export const runResult = (run: TaskView): JsonObject => RESULT[run.state](run);

const RESULT: Readonly<Record<TaskView['state'], (run: TaskView) => JsonObject>> = {
  completed: answered,
  failed: faulted,
  rejected: faulted,
  canceled: (run) => ({ ...shaped(run, 'The run was canceled.'), isError: true }),
  'input-required': waiting,
  'auth-required': waiting,
  submitted: unfinished,
  working: unfinished,
};

function answered(run: TaskView): JsonObject {
  const output = outputOf(run);
  const text = typeof output === 'string' ? output : JSON.stringify(output, null, 2);
  return shaped(run, text === '' ? 'The workflow ended without an output.' : text, { output });
}

/** The problem as the DSL has it (RFC 7807): `type`, `status`, `title`, `detail`, `instance`. */
function faulted(run: TaskView): JsonObject {
  const error = run.message?.map(({ data }) => data).find(isJsonObject);
  const said = saidBy(run);
  const text = said === '' ? 'The workflow failed.' : `The workflow failed: ${said}`;
  return { ...shaped(run, text, error && { error }), isError: true };
}

function waiting(run: TaskView): JsonObject {
  return shaped(run, `The workflow asks: ${saidBy(run)}\n\n${howToAnswer(run)}`);
}

/** Not the end of the run, only of the time a client wants to wait. */
function unfinished(run: TaskView): JsonObject {
  const how = `Call get_status with requestId "${run.taskId}" for the result, or cancel with it to end the run.`;
  return shaped(run, `The workflow is still running. ${how}`);
}

export const runDeclined = (run: TaskView): JsonObject =>
  shaped(run, `The question was not answered. The run still waits. ${howToAnswer(run)}`);

const howToAnswer = ({ taskId }: TaskView): string =>
  `To answer, call answer_workflow with runId "${taskId}" and the answer; without an answer it tells what is asked and what an answer looks like.`;

/** The structured content has `output` when the run is completed, and `error` when it failed. */
function shaped({ state, taskId }: TaskView, text: string, more: JsonObject = {}): JsonObject {
  const ids = { task_id: taskId };
  return { content: [textContent(text)], structuredContent: { state, ...ids, ...more }, _meta: ids };
}

function outputOf({ artifacts }: TaskView): unknown {
  const part = artifacts[0]?.parts[0];
  return part?.text ?? part?.data ?? null;
}

const saidBy = ({ message = [] }: TaskView): string =>
  message
    .flatMap(({ text }) => text ?? [])
    .join('\n')
    .trim();
