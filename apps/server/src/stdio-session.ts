import { setTimeout as sleep } from 'node:timers/promises';
import { isJsonObject, type JsonObject } from '@app/core';
import type { Response } from 'undici';
import { type McpHttp, reasonOf } from './stdio-http.js';

const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 30_000;
/** Never seen by the client. */
const RENEWAL_ID = 'session-renewal';
const INITIALIZED = { jsonrpc: '2.0', method: 'notifications/initialized' };

/** One message, or a batch of them (revision 2025-03-26). */
export type Frame = JsonObject | JsonObject[];

/** The session of a legacy client: kept, begun again when the server forgot it, listened to, and ended. */
export class StdioSession {
  private id: string | undefined;
  private version: string | undefined;
  /** The client's own `initialize`, for beginning again. */
  private hello: JsonObject | undefined;
  private renewal: Promise<void> | undefined;
  private isListening = false;
  private readonly ended = new AbortController();

  constructor(
    private readonly http: McpHttp,
    private readonly write: (message: unknown) => Promise<void>,
  ) {}

  get hasBegun(): boolean {
    return this.hello !== undefined;
  }

  /** Sends what the client said within the session; a forgotten session is begun again without the client noticing. */
  async post(frame: Frame, signal: AbortSignal): Promise<Response> {
    if (!Array.isArray(frame) && frame.method === 'initialize') return this.begin(frame, signal);
    const used = this.id;
    let response = await this.http.post(frame, this.headers(), signal);
    if (response.status === 404 && used !== undefined) {
      await response.body?.cancel();
      await this.renew(used);
      response = await this.http.post(frame, this.headers(), signal);
    }
    const isReady = !Array.isArray(frame) && frame.method === INITIALIZED.method && response.ok;
    if (isReady && !this.isListening) void this.listen();
    return response;
  }

  /** Looks at every answer: that to `initialize` names the version. */
  notice(message: JsonObject): void {
    if (this.hello === undefined || message.id !== this.hello.id || this.version !== undefined) return;
    if (isJsonObject(message.result)) this.version = String(message.result.protocolVersion);
  }

  async close(): Promise<void> {
    this.ended.abort();
    // The server may be gone, or know no DELETE: the session then ends by itself.
    if (this.id !== undefined) await this.http.endSession(this.headers()).catch(() => undefined);
  }

  private async begin(hello: JsonObject, signal: AbortSignal): Promise<Response> {
    this.hello = hello;
    this.version = undefined;
    const response = await this.http.post(hello, {}, signal);
    if (response.ok) this.id = response.headers.get('mcp-session-id') ?? undefined;
    return response;
  }

  private async renew(lost: string): Promise<void> {
    if (this.id !== lost) return;
    this.renewal ??= this.beginAgain().finally(() => {
      this.renewal = undefined;
    });
    await this.renewal;
  }

  private async beginAgain(): Promise<void> {
    const { signal } = this.ended;
    const hello = { ...this.hello, id: RENEWAL_ID };
    const response = await this.begin(hello, signal);
    for await (const message of await this.http.read(response)) this.notice(message);
    await (await this.http.post(INITIALIZED, this.headers(), signal)).body?.cancel();
  }

  private headers(): Record<string, string> {
    return {
      ...(this.id !== undefined && { 'mcp-session-id': this.id }),
      ...(this.version !== undefined && { 'mcp-protocol-version': this.version }),
    };
  }

  /** Passes on what the server says outside of any request, for as long as the session lasts. */
  private async listen(): Promise<void> {
    this.isListening = true;
    const { signal } = this.ended;
    for (let wait = FIRST_RETRY_MS; !signal.aborted; wait = Math.min(wait * 2, LAST_RETRY_MS)) {
      try {
        const used = this.id;
        const response = await this.http.listen(this.headers(), signal);
        if (response.status === 405) return await response.body?.cancel();
        if (response.status === 404 && used !== undefined) await this.renew(used);
        else
          for await (const message of await this.http.read(response)) {
            wait = FIRST_RETRY_MS;
            await this.write(message);
          }
      } catch (error) {
        const isFirst = wait === FIRST_RETRY_MS;
        if (isFirst && !signal.aborted) process.stderr.write(`Cannot listen to the server: ${reasonOf(error)}\n`);
      }
      await sleep(wait, undefined, { signal }).catch(() => undefined);
    }
  }
}
