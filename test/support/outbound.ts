import { Outbound, type OutboundOptions } from '@app/outbound';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';

export const LOOPBACK = ['127.0.0.1/32'];
const closers: (() => unknown)[] = [];

/** For `afterEach`. */
export async function closeAll(): Promise<void> {
  for (const close of closers.splice(0).reverse()) await close();
}

export function outboundWith(options: Partial<OutboundOptions> = {}): Outbound {
  const outbound = new Outbound({ allowedNetworks: LOOPBACK, ...options });
  closers.push(() => outbound.close());
  return outbound;
}

/** A real server of the test's own; its address is reachable only where loopback is allowed. */
export async function startServer(answer: RequestListener) {
  let connections = 0;
  const server = createServer(answer).listen(0, '127.0.0.1');
  server.on('connection', () => connections++);
  await once(server, 'listening');
  closers.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { url: `http://127.0.0.1:${address.port}`, port: address.port, connections: () => connections };
}

/** Answers with what arrived. */
export const echoing: RequestListener = (request, response) => void echo(request, response);

async function echo(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  response.setHeader('set-cookie', ['a=1', 'b=2']);
  response.end(JSON.stringify({ method: request.method, url: request.url, headers: request.headers, body }));
}

/** The failure of what must fail, as `code: message`. */
export async function problemOf(outcome: Promise<unknown>): Promise<string> {
  const error: unknown = await outcome.then(
    () => new Error('It did not fail'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof Error) || !('code' in error)) throw error;
  return `${String(error.code)}: ${error.message}`;
}

/** Matches a problem with this code and these words in this order. */
export function saying(code: string, ...words: string[]): RegExp {
  return new RegExp([`^${code}:`, ...words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))].join('.*'));
}
