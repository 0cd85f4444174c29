import { KEY } from './stage.mjs';

/** Registers an agent of this address, or of this card. */
export const register = (server, agent) => post(server, 'agents', agent);

/** A key of a caller of its own. */
export const newKey = async (server) => (await post(server, 'api-keys', { name: 'bench', roles: ['operator'] })).key;

/** Has the agent `ticker` speak so often. @returns the id of the task */
export const startTicking = async (server, ticking, key = KEY) =>
  (await post(server, 'tasks', { agent: 'ticker', message: JSON.stringify(ticking) }, key)).taskId;

/** Posts a workflow of these tasks; its tool is `run_…`. */
export async function newWorkflow(server, name, tasks) {
  const document = { dsl: '1.0.3', namespace: 'bench', name, version: '1.0.0' };
  await post(server, 'workflows', { definition: { document, do: tasks } });
}

/** @returns the id of the run */
export const startRun = async (server, workflow) =>
  (await post(server, `workflows/${workflow}/runs`, { input: {} })).runId;

/** Ends a run. */
export const cancelRun = (server, run) => post(server, `runs/${run}/cancel`, {});

async function post(server, what, body, key = KEY) {
  const response = await fetch(`${server.url}/api/v1/${what}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`No ${what}: ${await response.text()}`);
  return response.json();
}

/** A card of some agent that nobody will call. */
export const cardOf = (name) => ({
  name,
  description: 'Answers questions about one thing, briefly.',
  version: '1.0.0',
  supportedInterfaces: [{ url: 'http://127.0.0.1:9/', protocolBinding: 'JSONRPC', protocolVersion: '1.0' }],
  capabilities: { streaming: true, pushNotifications: false },
  defaultInputModes: ['text/plain'],
  defaultOutputModes: ['text/plain'],
  skills: [{ id: 'answer', name: 'Answer', description: 'Answers a question.', tags: ['qa'], examples: ['Why?'] }],
});
