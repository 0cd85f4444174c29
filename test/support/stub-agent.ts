import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface StubRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** The body, parsed; undefined when there is none. */
  readonly body?: { readonly method?: string; readonly params?: Record<string, unknown> };
}

export interface StubAgent extends AsyncDisposable {
  readonly url: string;
  readonly requests: StubRequest[];
  close(): Promise<void>;
}

/** An HTTP server that answers as the test says: the agents out there that keep to no specification. */
export async function startStubAgent(
  answer: (request: StubRequest, response: ServerResponse) => void,
): Promise<StubAgent> {
  const requests: StubRequest[] = [];
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const text = Buffer.concat(chunks).toString();
      const request = {
        method: incoming.method ?? '',
        path: incoming.url ?? '',
        headers: incoming.headers,
        ...(text !== '' && { body: JSON.parse(text) as StubRequest['body'] }),
      };
      requests.push(request);
      answer(request, response);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async () => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    requests,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** A plain answer. */
export function sendJson(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

/** A JSON-RPC answer. */
export const sendResult = (response: ServerResponse, result: unknown): void =>
  sendJson(response, { jsonrpc: '2.0', id: 1, result });

/** JSON-RPC results as server-sent events; then the stream ends, or breaks. */
export function sendStream(response: ServerResponse, results: readonly unknown[], end: 'end' | 'break' = 'end'): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
  for (const result of results) response.write(`data: ${JSON.stringify({ jsonrpc: '2.0', id: 1, result })}\n\n`);
  if (end === 'end') response.end();
  else setTimeout(() => response.destroy(), 20);
}

type RpcAnswers = Record<string, (response: ServerResponse, request: StubRequest) => void>;

/** A stub that answers by JSON-RPC method; others are unknown to it. */
export const startRpcStub = (answers: RpcAnswers): Promise<StubAgent> =>
  startStubAgent((request, response) => {
    const answer = answers[request.body?.method ?? ''];
    if (answer) return answer(response, request);
    return sendJson(response, { jsonrpc: '2.0', id: 1, error: { code: -32601, message: 'Method not found' } });
  });

export const methodsOf = (stub: StubAgent): unknown[] => stub.requests.map(({ body }) => body?.method);
