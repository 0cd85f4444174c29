import { setTimeout as sleep } from 'node:timers/promises';
import { ADMIN_KEY } from '../../support/server.js';
import { type CallRecord, trouble } from './calls.js';

/** A client that hears nothing for so long takes the connection for dead. */
const PATIENCE_MS = 5_000;
const RETRY_MS = 100;
const GIVE_UP_MS = 30_000;

interface Part {
  readonly text?: string;
}

export interface Task {
  readonly taskId: string;
  readonly state: string;
  readonly message?: readonly Part[];
  readonly artifacts: readonly { readonly artifactId: string; readonly parts: readonly Part[] }[];
}

/** What its result says: the artifacts in full, else the last message. */
export function textOf({ artifacts, message = [] }: Task): string {
  const parts = artifacts.length > 0 ? artifacts.flatMap((artifact) => artifact.parts) : message;
  return parts.map(({ text = '' }) => text).join('');
}

/** A program that uses the REST API as its documentation says: keys for what is created, come back where it was. */
export class RestCaller {
  constructor(
    private readonly url: string,
    /** Stops the program. */
    private readonly stop: AbortSignal,
  ) {}

  /** The whole life of a call. @param session carries the conversation */
  async perform(call: CallRecord, session: string | undefined): Promise<void> {
    const { agent, message, answer, state } = call.plan;
    const input = { agent, message, ...(session !== undefined && { sessionId: session }) };
    const started = await this.request<Task>(call, 'POST', '/api/v1/tasks', input, { 'idempotency-key': call.token });
    call.taskId = started.taskId;
    if (state === 'canceled') await this.cancel(call, started.taskId);
    let task = await this.follow(call, started.taskId);
    if (task.state === 'input-required' && answer !== undefined) {
      await this.answer(call, task.taskId, answer);
      task = await this.follow(call, task.taskId);
    }
    this.check(call, task);
  }

  openSession(): Promise<{ sessionId: string }> {
    const nobody: CallRecord = {
      token: 'session',
      plan: { agent: '', message: '', state: 'completed', says: '' },
      door: 'REST',
      told: false,
      troubles: [],
      wrongs: [],
    };
    return this.request(nobody, 'POST', '/api/v1/sessions', {});
  }

  /** The task as any replica tells it. */
  get(call: CallRecord, taskId: string): Promise<Task> {
    return this.request<Task>(call, 'GET', `/api/v1/tasks/${taskId}`);
  }

  private check(call: CallRecord, task: Task): void {
    call.told = true;
    if (task.state !== call.plan.state) call.wrongs.push(`ended ${task.state}: ${JSON.stringify(task)}`);
    else if (textOf(task) !== call.plan.says && task.state !== 'canceled') call.wrongs.push(`says "${textOf(task)}"`);
  }

  private async cancel(call: CallRecord, taskId: string): Promise<void> {
    const { canceled } = await this.request<{ canceled: boolean }>(call, 'POST', `/api/v1/tasks/${taskId}/cancel`);
    call.canceled = true;
    // False after a first try whose answer got lost.
    if (!canceled && call.troubles.length === 0) call.wrongs.push('was over before it was canceled');
  }

  /** An answer has no key: before it is given again, the task tells whether it arrived. */
  private async answer(call: CallRecord, taskId: string, message: string): Promise<void> {
    let { state } = { state: 'input-required' };
    while (state === 'input-required') {
      await this.attempt(call, 'POST', `/api/v1/tasks/${taskId}/messages`, { message });
      ({ state } = await this.get(call, taskId));
    }
  }

  /** Follows the stream up to its result, wherever it breaks and whoever serves it. */
  private async follow(call: CallRecord, taskId: string): Promise<Task> {
    const deadline = Date.now() + GIVE_UP_MS;
    const seen = { last: 0 };
    while (Date.now() < deadline) {
      try {
        const result = await this.readStream(call, taskId, seen);
        if (result !== undefined) return result;
      } catch (error) {
        this.note(call, error, 'GET events');
      }
      await sleep(RETRY_MS, undefined, { signal: this.stop });
    }
    throw new Error(`the stream of ${taskId} told no result within ${GIVE_UP_MS} ms`);
  }

  private async readStream(call: CallRecord, taskId: string, seen: { last: number }): Promise<Task | undefined> {
    const silence = new AbortController();
    let timer = setTimeout(() => silence.abort(), PATIENCE_MS);
    try {
      const response = await fetch(`${this.url}/api/v1/tasks/${taskId}/events`, {
        headers: { authorization: `Bearer ${ADMIN_KEY}`, 'last-event-id': String(seen.last) },
        signal: AbortSignal.any([silence.signal, this.stop]),
      });
      if (response.status !== 200) {
        await this.refused(call, response, 'GET events');
        return undefined;
      }
      let rest = '';
      const decoder = new TextDecoder();
      for await (const chunk of response.body ?? []) {
        clearTimeout(timer);
        timer = setTimeout(() => silence.abort(), GIVE_UP_MS);
        const frames = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split('\n\n');
        rest = frames.pop() ?? '';
        for (const frame of frames) {
          const event = noted(call, frame, seen);
          if (event?.kind === 'result') return event.task;
        }
      }
      return undefined;
    } finally {
      clearTimeout(timer);
      silence.abort();
    }
  }

  /** Again until it is answered; safe because what creates has a key. */
  private async request<T>(
    call: CallRecord,
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<T> {
    const deadline = Date.now() + GIVE_UP_MS;
    while (Date.now() < deadline) {
      const answered = await this.attempt(call, method, path, body, headers);
      if (answered !== undefined) return answered as T;
      await sleep(RETRY_MS, undefined, { signal: this.stop });
    }
    throw new Error(`${method} ${path} was not answered within ${GIVE_UP_MS} ms`);
  }

  /** Undefined when there was no answer, or one that says to come back. */
  private async attempt(
    call: CallRecord,
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<unknown> {
    try {
      const response = await fetch(this.url + path, {
        method,
        headers: {
          authorization: `Bearer ${ADMIN_KEY}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: AbortSignal.any([AbortSignal.timeout(PATIENCE_MS), this.stop]),
      });
      if (response.ok) return (await response.json()) as unknown;
      await this.refused(call, response, `${method} ${path}`);
    } catch (error) {
      this.note(call, error, `${method} ${path}`);
    }
    return undefined;
  }

  /** @throws Refusal for an answer that trying again cannot mend */
  private async refused(call: CallRecord, response: Response, what: string): Promise<void> {
    const text = await response.text();
    if (response.status !== 503) throw new Refusal(`${what} answered ${response.status}: ${text}`);
    trouble(call, 'unavailable', `${what}: ${text}`);
  }

  private note(call: CallRecord, error: unknown, what: string): void {
    if (error instanceof Refusal || this.stop.aborted) throw error;
    trouble(call, 'connection', `${what}: ${causeOf(error)}`);
  }
}

class Refusal extends Error {}

/** What is really behind fetch's "fetch failed". */
const causeOf = (error: unknown): string =>
  error instanceof Error
    ? `${error.message}${error.cause instanceof Error ? ` (${error.cause.message})` : ''}`
    : String(error);

interface Frame {
  readonly seq: number;
  readonly kind: string;
  readonly task: Task;
}

/** An event, counted: none is missing, none comes twice. */
function noted(call: CallRecord, frame: string, seen: { last: number }): Frame | undefined {
  const data = /^data: (.*)$/m.exec(frame)?.[1];
  if (data === undefined) return undefined;
  const event = JSON.parse(data) as Frame;
  // The result of an earlier turn is not told again.
  const isNext = event.seq === seen.last + 1 || (call.plan.answer !== undefined && event.seq > seen.last);
  if (!isNext) call.wrongs.push(`event ${event.seq} (${event.kind}) came after event ${seen.last}`);
  seen.last = event.seq;
  return event;
}
