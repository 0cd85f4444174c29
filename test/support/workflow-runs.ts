import type { TestServer } from './server.js';

export interface Run {
  readonly runId: string;
  readonly workflow: string;
  readonly phase: string;
  readonly output?: unknown;
  readonly error?: { readonly type: string; readonly status: number; readonly detail?: string };
}

/** Posts a workflow of these tasks. @returns its name */
export async function postWorkflow(
  server: TestServer,
  name: string,
  tasks: unknown[],
  more: object = {},
): Promise<string> {
  const document = { dsl: '1.0.3', namespace: 'test', name, version: '1.0.0' };
  await server.json(201, 'POST', '/api/v1/workflows', { definition: { document, ...more, do: tasks } });
  return name;
}

/** Posts a workflow and runs it to its end, or to a question. */
export async function runWorkflow(
  server: TestServer,
  name: string,
  tasks: unknown[],
  input: unknown = {},
  more: object = {},
): Promise<Run> {
  await postWorkflow(server, name, tasks, more);
  const response = await server.call('POST', `/api/v1/workflows/${name}/runs`, { input }, { prefer: 'wait=30' });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`The run of ${name} answered ${response.status}: ${text}`);
  return JSON.parse(text) as Run;
}
