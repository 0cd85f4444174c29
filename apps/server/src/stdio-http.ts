import { DomainError, isJsonObject, type JsonObject } from '@app/core';
import { Agent, fetch, type Response } from 'undici';
import { lines } from './stdio-lines.js';

const CONNECT_TIMEOUT_MS = 10_000;
const CLOSE_TIMEOUT_MS = 1_000;
/** How much of an answer that is not MCP is worth repeating. */
const EXCERPT_LENGTH = 200;
/** Enough of a key to find it among others, not enough to use it. */
const SHOWN_KEY_LENGTH = 8;

type Headers = Readonly<Record<string, string>>;

/** One server's `/mcp`, as HTTP. */
export class McpHttp {
  // A tool may think for as long as it wants: the server keeps streams alive, and the client decides when to give up.
  private readonly agent = new Agent({ headersTimeout: 0, bodyTimeout: 0, connect: { timeout: CONNECT_TIMEOUT_MS } });

  constructor(
    private readonly url: string,
    private readonly key: string | undefined,
  ) {}

  post(body: unknown, headers: Headers, signal: AbortSignal): Promise<Response> {
    const json = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
    return this.request('POST', { ...json, ...headers }, signal, JSON.stringify(body));
  }

  /** Opens the stream on which a legacy server tells what happens outside of any request. */
  listen(headers: Headers, signal: AbortSignal): Promise<Response> {
    return this.request('GET', { accept: 'text/event-stream', ...headers }, signal);
  }

  async endSession(headers: Headers): Promise<void> {
    await this.request('DELETE', headers, AbortSignal.timeout(CLOSE_TIMEOUT_MS));
  }

  /**
   * The messages of an answer, as they arrive.
   * @throws DomainError when the answer is not MCP.
   */
  async read(response: Response): Promise<AsyncIterable<JsonObject> | Iterable<JsonObject>> {
    if (response.status === 401 || response.status === 403) throw this.refused(response.status);
    const type = response.headers.get('content-type') ?? '';
    if (response.ok && type.startsWith('text/event-stream')) return messagesOf(response);
    const text = await response.text();
    if (response.ok && text === '') return [];
    const messages = parseMessages(text);
    if (messages !== undefined) return messages;
    const excerpt = text.replaceAll(/\s+/g, ' ').slice(0, EXCERPT_LENGTH);
    throw new DomainError(
      'unavailable',
      `${this.url} does not answer with MCP but with HTTP ${response.status}: ${excerpt}`,
    );
  }

  async close(): Promise<void> {
    await this.agent.destroy();
  }

  private async request(method: string, headers: Headers, signal: AbortSignal, body?: string): Promise<Response> {
    const authorization = this.key === undefined ? {} : { authorization: `Bearer ${this.key}` };
    const init = { method, headers: { ...headers, ...authorization }, signal, body, dispatcher: this.agent };
    try {
      return await fetch(this.url, { ...init, redirect: 'error' });
    } catch (error) {
      if (signal.aborted) throw error;
      throw new DomainError('unavailable', `Cannot reach ${this.url}: ${reasonOf(error)}`, { cause: error });
    }
  }

  private refused(status: number): DomainError {
    const shown =
      this.key === undefined ? 'no key was given' : `the key ${this.key.slice(0, SHOWN_KEY_LENGTH)}… was refused`;
    return new DomainError('unauthenticated', `${this.url} answered HTTP ${status}: ${shown}`);
  }
}

/** undici says "fetch failed" and hides why in the cause. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause instanceof Error) return reasonOf(error.cause);
  return error.message || ('code' in error ? String(error.code) : error.name);
}

function parseMessages(text: string): JsonObject[] | undefined {
  try {
    const body: unknown = JSON.parse(text);
    const messages = Array.isArray(body) ? body : [body];
    return messages.every(isMessage) ? messages : undefined;
  } catch {
    return undefined;
  }
}

const isMessage = (value: unknown): value is JsonObject => isJsonObject(value) && value.jsonrpc === '2.0';

async function* messagesOf(response: Response): AsyncIterable<JsonObject> {
  for await (const data of eventData(response)) yield* parseMessages(data) ?? [];
}

/** The data of each server-sent event; comments, names and ids do not matter here. */
async function* eventData(response: Response): AsyncIterable<string> {
  let data: string[] = [];
  for await (const raw of lines((response.body ?? []) as AsyncIterable<Uint8Array>)) {
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
    if (line.startsWith('data:')) data.push(line.slice(line.startsWith('data: ') ? 6 : 5));
    if (line !== '' || data.length === 0) continue;
    yield data.join('\n');
    data = [];
  }
}
