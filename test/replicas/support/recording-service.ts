import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A request that may have done something. */
export interface Heard {
  readonly text: string;
  /** `Idempotency-Key`; empty: it had none. */
  readonly key: string;
  /** By `Date.now()`. */
  readonly at: number;
}

export interface RecordingService extends AsyncDisposable {
  readonly url: string;
  readonly heard: readonly Heard[];
}

interface Message {
  readonly id?: number;
  readonly method: string;
  readonly params: { readonly arguments?: { readonly text: string; readonly ms: number } };
}

/** An HTTP service (`POST /say`) and an MCP server (`POST /mcp`, tool `say`) that remember what they are told. */
export async function startRecordingService(): Promise<RecordingService> {
  const heard: Heard[] = [];
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const key = String(request.headers['idempotency-key'] ?? '');
    let body = '';
    for await (const chunk of request) body += String(chunk);
    if (request.method !== 'POST') return void response.writeHead(405).end();
    const said = async ({ text, ms }: { text: string; ms: number }) => {
      heard.push({ text, key, at: Date.now() });
      await sleep(ms);
    };
    if (request.url === '/mcp') return answer(response, JSON.parse(body) as Message, said);
    await said(JSON.parse(body) as { text: string; ms: number });
    return json(response, { heard: true });
  };
  const server = createServer((request, response) => void handle(request, response).catch(() => response.destroy()));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stop = async () => {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, heard, [Symbol.asyncDispose]: stop };
}

/** As MCP 2025-06-18 has it, without sessions. */
async function answer(
  response: ServerResponse,
  { id, method, params }: Message,
  said: (given: { text: string; ms: number }) => Promise<void>,
): Promise<void> {
  if (id === undefined) return void response.writeHead(202).end();
  const result = (value: object) => json(response, { jsonrpc: '2.0', id, result: value });
  if (method === 'initialize') {
    const serverInfo = { name: 'recording', version: '1.0.0' };
    return result({ protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo });
  }
  if (method !== 'tools/call' || params.arguments === undefined)
    return json(response, { jsonrpc: '2.0', id, error: { code: -32601, message: `no method ${method}` } });
  await said(params.arguments);
  result({ content: [{ type: 'text', text: 'heard' }] });
}

function json(response: ServerResponse, value: object): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}
