import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const CHECK_MS = 200;
const CHECK_TIMEOUT_MS = 1_000;
/** A check that is not answered says less than one that is answered with no. */
const SILENT_CHECKS = 2;

/** Somewhere to send requests to; no url: it is not running. */
export interface Backend {
  readonly name: string;
  readonly url: string | undefined;
  /** Nothing is sent there any more, whatever its checks say. */
  readonly isLeaving?: boolean;
}

export interface Proxy {
  readonly url: string;
  /** Whether its last readiness check went well. */
  isReady(backend: Backend): boolean;
  readonly stop: () => Promise<void>;
}

/**
 * A load balancer without stickiness: each request, also of the same connection, goes to the next replica that is ready. It
 * tries another one only when a connection could not be made, that is when nothing was sent yet.
 */
export async function startProxy(backends: readonly Backend[]): Promise<Proxy> {
  const ready = new Set<Backend>();
  let turn = 0;
  const urlsInTurn = (): string[] => {
    const first = turn++ % backends.length;
    const inTurn = [...backends.slice(first), ...backends.slice(0, first)];
    return inTurn.flatMap((backend) => (ready.has(backend) && backend.isLeaving !== true ? (backend.url ?? []) : []));
  };
  const silent = new Map<Backend, number>();
  const checks = new Map<Backend, Promise<void>>();
  const check = async (backend: Backend) => {
    const answer = await readiness(backend);
    silent.set(backend, answer === undefined ? (silent.get(backend) ?? 0) + 1 : 0);
    if (answer === true) ready.add(backend);
    if (answer === false || (silent.get(backend) ?? 0) >= SILENT_CHECKS) ready.delete(backend);
    checks.delete(backend);
  };
  const timer = setInterval(() => {
    for (const backend of backends) if (!checks.has(backend)) checks.set(backend, check(backend));
  }, CHECK_MS);

  const server = createServer((incoming, response) => forward(incoming, response, urlsInTurn()));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const stop = async () => {
    clearInterval(timer);
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await Promise.all([closed, ...checks.values()]);
  };
  return { url: `http://127.0.0.1:${port}`, isReady: (backend) => ready.has(backend), stop };
}

/** Undefined: no answer. */
async function readiness({ url }: Backend): Promise<boolean | undefined> {
  if (url === undefined) return false;
  try {
    const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(CHECK_TIMEOUT_MS) });
    await answer.arrayBuffer();
    return answer.ok;
  } catch {
    return undefined;
  }
}

function forward(incoming: IncomingMessage, response: ServerResponse, urls: readonly string[]): void {
  const [base, ...others] = urls;
  if (base === undefined) {
    response.writeHead(503, { 'content-type': 'text/plain' }).end('no replica is ready');
    return;
  }
  const { connection: _, ...headers } = incoming.headers;
  const { method, url: path = '/' } = incoming;
  const outgoing = request(new URL(path, base), { method, headers, agent: false });
  let connected = false;
  outgoing.once('socket', (socket) =>
    socket.once('connect', () => {
      connected = true;
      incoming.pipe(outgoing);
    }),
  );
  outgoing.once('response', (answer) => {
    const { connection: __, 'keep-alive': ___, ...answered } = answer.headers;
    response.writeHead(answer.statusCode ?? 502, answered);
    response.flushHeaders();
    answer.pipe(response);
    // What broke there breaks here: a client must not take half an answer for a whole one.
    answer.once('error', () => response.destroy());
    answer.once('close', () => answer.complete || response.destroy());
  });
  outgoing.on('error', () => {
    if (connected) response.destroy();
    else forward(incoming, response, others);
  });
  response.once('close', () => outgoing.destroy());
}
