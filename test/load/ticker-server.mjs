/**
 * An A2A agent that says what time it is, as often as it is told (`{"everyMs": 1000, "times": 30}`) or until `stop` comes
 * over IPC: whoever hears it knows how long that took. At the end it says how often it spoke. Its first word comes at a
 * random moment of the interval, so that many do not speak at once.
 */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { now } from './figures.mjs';

let isStopping = false;

const server = createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    if (request.method === 'GET') send(response, card());
    else tick(JSON.parse(Buffer.concat(chunks)), response);
  });
});
process.on('message', (message) => {
  if (message === 'stop') isStopping = true;
});
server.listen(0, '127.0.0.1', () => console.log(`Listening ${JSON.stringify({ url: url() })}`));

function tick({ id, method, params }, response) {
  if (method !== 'SendStreamingMessage') {
    send(response, { jsonrpc: '2.0', id, error: { code: -32601, message: `No method ${method}` } });
    return;
  }
  const { everyMs, times = Infinity } = JSON.parse(params.message.parts[0].text);
  const task = { taskId: randomUUID(), contextId: randomUUID() };
  const tell = (result) => response.write(`data: ${JSON.stringify({ jsonrpc: '2.0', id, result })}\n\n`);
  const say = (state, text) => {
    const message = { ...task, messageId: randomUUID(), role: 'ROLE_AGENT', parts: [{ text: String(text) }] };
    tell({ statusUpdate: { ...task, status: { state, message } } });
  };
  let spoken = 0;
  const next = () => {
    if (spoken < times && !isStopping) {
      spoken++;
      say('TASK_STATE_WORKING', now());
      return;
    }
    clearInterval(timer);
    say('TASK_STATE_COMPLETED', spoken);
    response.end();
  };
  let timer = setTimeout(() => {
    timer = setInterval(next, everyMs);
    next();
  }, Math.random() * everyMs);
  response.on('close', () => clearInterval(timer));
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  tell({ task: { id: task.taskId, contextId: task.contextId, status: { state: 'TASK_STATE_SUBMITTED' } } });
}

function send(response, body) {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function url() {
  return `http://127.0.0.1:${server.address().port}/`;
}

function card() {
  return {
    name: 'Ticker',
    description: 'Says what time it is.',
    version: '1.0.0',
    supportedInterfaces: [{ url: url(), protocolBinding: 'JSONRPC', protocolVersion: '1.0' }],
    capabilities: { streaming: true, pushNotifications: false },
    defaultInputModes: ['text/plain'],
    defaultOutputModes: ['text/plain'],
    skills: [{ id: 'tick', name: 'Tick', description: 'Says what time it is.', tags: ['time'] }],
  };
}
