import { KEY } from './stage.mjs';

/** Registers an agent of this address, or of this card. */
export async function register(server, agent) {
  const response = await fetch(`${server.url}/api/v1/agents`, {
    method: 'POST',
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify(agent),
  });
  if (!response.ok) throw new Error(`An agent could not be registered: ${await response.text()}`);
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
