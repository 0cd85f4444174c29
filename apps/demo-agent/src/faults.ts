import type { RequestHandler, Response } from 'express';
import { type Operation, operationOf } from './operation.js';

/** Late enough that a stream has begun, soon enough that a test need not wait. */
const DISCONNECT_AFTER_MS = 250;

type Fault = (match: RegExpExecArray, operation: Operation, response: Response) => void;

/** Ways to go wrong below A2A, by words in the message. The first that fits is played; the agent hears nothing of it. */
const FAULTS: readonly (readonly [RegExp, Fault])[] = [
  [/\bhttp ([45]\d\d)\b/i, httpError],
  [/\brpc error(?: (-?\d+))?( in stream)?/i, rpcError],
  [/\bgarbage\b/i, garbage],
  [/\bhang\b/i, () => undefined],
];

export const faults: RequestHandler = (request, response, next) => {
  const operation = operationOf(request);
  const words = operation.kind === 'send' || operation.kind === 'stream' ? operation.message?.text : undefined;
  if (words === undefined) return next();
  for (const [word, fault] of FAULTS) {
    const match = word.exec(words);
    if (match !== null) return fault(match, operation, response);
  }
  if (/\bdisconnect\b/i.test(words)) disconnectSoon(response);
  return next();
};

function httpError(match: RegExpExecArray, _operation: Operation, response: Response): void {
  const code = Number(match[1]);
  if (code === 401) response.set('WWW-Authenticate', 'Bearer realm="demo"');
  if (code === 429 || code === 503) response.set('Retry-After', '1');
  response.status(code).json({ error: { code, message: `This agent was asked for HTTP ${code}` } });
}

function rpcError(match: RegExpExecArray, operation: Operation, response: Response): void {
  const error = { code: Number(match[1] ?? -32603), message: 'This agent was asked for an error' };
  if (operation.binding === 'HTTP+JSON') {
    response.status(500).json({ ...error, error: { code: 500, status: 'INTERNAL', message: error.message } });
    return;
  }
  const answer = { jsonrpc: '2.0', id: operation.id, error };
  if (operation.kind === 'stream' && match[2] !== undefined) {
    response.type('text/event-stream').send(`data: ${JSON.stringify(answer)}\n\n`);
    return;
  }
  response.json(answer);
}

function garbage(_match: RegExpExecArray, operation: Operation, response: Response): void {
  if (operation.kind === 'stream') response.type('text/event-stream').send('data: <<< this is not JSON >>>\n\n');
  else response.type('application/json').send('<<< this is not JSON >>>');
}

/** The connection breaks; the task goes on and completes. */
function disconnectSoon(response: Response): void {
  const timer = setTimeout(() => response.destroy(), DISCONNECT_AFTER_MS);
  response.once('close', () => clearTimeout(timer));
}
