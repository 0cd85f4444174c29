import { setTimeout as sleep } from 'node:timers/promises';
import { type Connect, type TestClient } from '../../support/mcp-clients.js';
import { ADMIN_KEY } from '../../support/server.js';
import { type CallRecord, trouble } from './calls.js';

/** Longer than the longest plan and a takeover together. */
const PATIENCE_MS = 30_000;
/** What fetch says when a connection breaks or cannot be made, in all of its words. */
const BROKEN = /fetch failed|terminated|socket|ECONN|other side closed|aborted|network|timed out/i;

interface Result {
  readonly content: unknown;
  readonly structuredContent?: unknown;
  readonly isError?: boolean;
}

/** A person's assistant: calls the agents' tools, answers their questions. */
export class McpCaller {
  private client: TestClient;
  private token = '';
  private broken: (error: Error) => void = () => undefined;

  private constructor(private readonly stop: AbortSignal) {}

  static async connect(connect: Connect, url: string, stop: AbortSignal): Promise<McpCaller> {
    const caller = new McpCaller(stop);
    caller.client = await connect(`${url}/mcp`, {
      headers: { authorization: `Bearer ${ADMIN_KEY}` },
      fetch: (input, init) => caller.watched(input, init),
      answer: () => `blue as ${caller.token}`,
    });
    return caller;
  }

  async perform(call: CallRecord): Promise<void> {
    const { agent, message } = call.plan;
    this.token = call.token;
    const isBroken = new Promise<never>((_, reject) => (this.broken = reject));
    // Nobody waits for it any more when the call is over.
    isBroken.catch(() => undefined);
    const late = new AbortController();
    try {
      const result = await Promise.race([
        this.client.call(agent, { message }, { onprogress: () => undefined }),
        isBroken,
        sleep(PATIENCE_MS, undefined, { signal: AbortSignal.any([late.signal, this.stop]) }).then(() => {
          throw new Error(`nothing came within ${PATIENCE_MS} ms`);
        }),
      ]);
      check(call, result);
    } catch (error) {
      noteError(call, error);
    } finally {
      late.abort();
    }
  }

  async close(): Promise<void> {
    await this.client.close().catch(() => undefined);
  }

  /** Tells when the answer to a call breaks off, or an answer of ours does not arrive: some clients do not notice and wait on. */
  private async watched(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    const response = await fetch(input, init).catch((error: unknown) => {
      if (init?.method === 'POST') this.broken(error instanceof Error ? error : new Error(String(error)));
      throw error;
    });
    if (init?.method === 'POST' && response.status >= 500)
      this.broken(new Error(`a POST was answered ${response.status}`));
    const body = init?.body;
    const isCall = typeof body === 'string' && body.includes('"tools/call"');
    if (!isCall || response.body === null) return response;
    const [told, watched] = response.body.tee();
    void drain(watched).catch((error: unknown) =>
      this.broken(error instanceof Error ? error : new Error(String(error))),
    );
    return new Response(told, response);
  }
}

async function drain(stream: ReadableStream): Promise<void> {
  const reader = stream.getReader();
  for (;;) {
    const { done } = await reader.read();
    if (done) return;
  }
}

function check(call: CallRecord, { content, structuredContent, isError = false }: Result): void {
  const text = textOf(content);
  const { state, says } = call.plan;
  if (isError && text.startsWith('unavailable:')) return trouble(call, 'unavailable', text);
  const found = taskIdIn(structuredContent);
  if (found !== undefined) call.taskId = found;
  call.told = true;
  if (isError !== (state !== 'completed')) call.wrongs.push(`isError is ${isError}: ${text}`);
  else if (!text.includes(says)) call.wrongs.push(`says "${text}"`);
}

function noteError(call: CallRecord, error: unknown): void {
  const cause = error instanceof Error && error.cause instanceof Error ? ` (${error.cause.message})` : '';
  const what = error instanceof Error ? `${error.name}: ${error.message}${cause}` : String(error);
  if (/no replica is ready|\b503\b/.test(what)) return trouble(call, 'unavailable', what);
  if (BROKEN.test(what) && !/session/i.test(what)) return trouble(call, 'connection', what);
  call.wrongs.push(`threw ${what}`);
}

const textOf = (content: unknown): string => (content as { text?: string }[]).map(({ text = '' }) => text).join('\n');

function taskIdIn(structured: unknown): string | undefined {
  if (typeof structured !== 'object' || structured === null) return undefined;
  const { task_id: taskId } = structured as { task_id?: unknown };
  return typeof taskId === 'string' ? taskId : undefined;
}
