import { setTimeout } from 'node:timers/promises';
import { DomainError } from '@app/core';
import { Outbound } from '@app/outbound';
import { Traces } from '@app/telemetry';
import { Injectable } from '@nestjs/common';
import { readCard } from './card.js';
import { discoverCard, type FetchOptions, refetchCard } from './card-fetcher.js';
import { AgentError } from './errors.js';
import type { AgentCard, AgentConnection, AgentEvent, FetchedCard, OutgoingMessage } from './model.js';
import { readEvent, readTask } from './read-event.js';
import type { Operation } from './requests.js';
import { isFinal, isInterrupted } from './states.js';
import { Turn } from './turn.js';
import { BrokenStream, Wire } from './wire.js';

/** The pause before the first look at a task, doubled with each further one up to the longest. */
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 2_000;

/** How often in a row a stream may bring nothing new before we only poll. */
const MAX_IDLE_STREAMS = 5;

/** How often in a row an agent may be out of reach before we give up: about 14 s, the restart of a container. */
const MAX_FAILED_LOOKS = 9;

/** What a cancel may meet without having failed: the task is over, or gone. */
const NOTHING_TO_CANCEL = new Set(['TASK_NOT_CANCELABLE', 'TASK_NOT_FOUND']);

/** What an agent says that offers less than its card. */
const NOT_OFFERED = new Set(['UNSUPPORTED_OPERATION', 'METHOD_NOT_FOUND']);

type TaskEvent = AgentEvent & { readonly kind: 'task' };

/** Speaks A2A 1.0 and 0.3 to agents, over JSON-RPC and HTTP+JSON, streamed where they stream. */
@Injectable()
export class A2aClient {
  constructor(
    private readonly outbound: Outbound,
    private readonly traces: Traces,
  ) {}

  /** The card of the agent at a base address, a card's address, or any other address of it. */
  discover(url: string, options: FetchOptions): Promise<FetchedCard> {
    return discoverCard(this.outbound, url, options);
  }

  /** Undefined: not modified. */
  refetch(
    known: { readonly url: string; readonly etag?: string },
    options: FetchOptions,
  ): Promise<FetchedCard | undefined> {
    return refetchCard(this.outbound, known, options);
  }

  readCard(raw: unknown, base?: string): AgentCard {
    return readCard(raw, base);
  }

  /**
   * Sends a message and yields what the agent says until the task is final or interrupted, or the agent has answered
   * directly. Ending the iteration, or the signal, does not end the task: `cancel` does.
   */
  async *send(agent: AgentConnection, message: OutgoingMessage, signal: AbortSignal): AsyncGenerator<AgentEvent> {
    const wire = this.wireTo(agent, signal);
    const turn = new Turn(message.taskId);
    try {
      if (agent.card.streaming) yield* this.sendStreamed(wire, turn, message);
      else yield* this.sendPlain(wire, turn, message);
    } catch (error) {
      signal.throwIfAborted();
      if (turn.taskId === undefined || !isBrokenOff(error)) throw error;
    }
    if (turn.settled) return;
    if (turn.taskId === undefined) throw wire.garbage('nothing');
    yield* this.pursue(wire, turn.taskId, agent.card.streaming);
  }

  /** Yields what becomes of a task, beginning with the task as it is now. */
  async *follow(agent: AgentConnection, taskId: string, signal: AbortSignal): AsyncGenerator<AgentEvent> {
    yield* this.pursue(this.wireTo(agent, signal), taskId, agent.card.streaming);
  }

  get(agent: AgentConnection, taskId: string, signal: AbortSignal): Promise<TaskEvent> {
    return this.look(this.wireTo(agent, signal), taskId);
  }

  /** Asks the agent to stop; that the task is already over, or unknown, is as good. */
  async cancel(agent: AgentConnection, taskId: string, signal: AbortSignal): Promise<void> {
    try {
      await this.wireTo(agent, signal).call({ name: 'cancel', taskId });
    } catch (error) {
      if (!(error instanceof AgentError && NOTHING_TO_CANCEL.has(error.reason))) throw error;
    }
  }

  private wireTo(agent: AgentConnection, signal: AbortSignal): Wire {
    return new Wire(this.outbound, agent, signal, this.traces);
  }

  private async *sendStreamed(wire: Wire, turn: Turn, message: OutgoingMessage): AsyncGenerator<AgentEvent> {
    try {
      yield* this.listen(wire, turn, { name: 'stream', message });
    } catch (error) {
      // The card promises streams, the agent knows none: then it has not taken the message either.
      if (turn.events > 0 || !(error instanceof AgentError && NOT_OFFERED.has(error.reason))) throw error;
      yield* this.sendPlain(wire, turn, message);
    }
  }

  /**
   * A new message is answered at once, and then polled. A reply waits for the outcome instead: what comes at once may
   * still be the question that it replies to.
   */
  private async *sendPlain(wire: Wire, turn: Turn, message: OutgoingMessage): AsyncGenerator<AgentEvent> {
    const wait = message.taskId !== undefined;
    const answer = this.read(await wire.call({ name: 'send', message, wait }), wire, turn);
    if (!answer) throw wire.garbage('neither a task nor a message');
    yield turn.conclude(answer);
    if (!turn.settled) await pause(FIRST_PAUSE_MS, wire.signal);
  }

  private async *listen(wire: Wire, turn: Turn, operation: Operation): AsyncGenerator<AgentEvent> {
    for await (const value of wire.stream(operation)) {
      const event = this.read(value, wire, turn);
      if (event) yield turn.take(event);
      if (turn.settled) return;
    }
  }

  private read(value: unknown, wire: Wire, turn: Turn): AgentEvent | undefined {
    return readEvent(value, { version: wire.target.version, taskId: turn.taskId });
  }

  /** Subscribes for as long as that brings news, looks whenever a stream ends early, and polls when there is none. */
  private async *pursue(wire: Wire, taskId: string, streams: boolean): AsyncGenerator<AgentEvent> {
    let idleStreams = streams ? 0 : MAX_IDLE_STREAMS;
    let failedLooks = 0;
    let pauseMs = FIRST_PAUSE_MS;
    let last: string | undefined;
    for (;;) {
      if (idleStreams < MAX_IDLE_STREAMS) {
        const events = yield* this.resume(wire, taskId);
        if (events === 'settled') return;
        idleStreams = events > 1 ? 0 : idleStreams + 1;
        if (events > 0) last = undefined;
        if (events > 1) pauseMs = FIRST_PAUSE_MS;
      }
      const task = await this.look(wire, taskId).catch((error: unknown) => tolerate(error, ++failedLooks, wire.signal));
      if (task) {
        failedLooks = 0;
        const now = JSON.stringify(task);
        if (now !== last) yield task;
        if (isFinal(task.state) || isInterrupted(task.state)) return;
        last = now;
      }
      await pause(pauseMs, wire.signal);
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
  }

  /** One subscription; tells how many events it brought. That it fails leaves the matter to the next look. */
  private async *resume(wire: Wire, taskId: string): AsyncGenerator<AgentEvent, number | 'settled'> {
    const turn = new Turn();
    turn.taskId = taskId;
    try {
      for await (const event of this.listen(wire, turn, { name: 'subscribe', taskId })) {
        // What was missed in between can only be made good by the task as it is now.
        if (turn.events === 1 && event.kind !== 'task') return 0;
        yield event;
      }
    } catch (error) {
      wire.signal.throwIfAborted();
      if (!(error instanceof DomainError) || error.code === 'too_large') throw error;
    }
    return turn.settled ? 'settled' : turn.events;
  }

  private async look(wire: Wire, taskId: string): Promise<TaskEvent> {
    const task = readTask(await wire.call({ name: 'get', taskId }), { version: wire.target.version, taskId });
    if (!task) throw wire.garbage('something else than the task');
    return task;
  }
}

/** The agent took the message, and the task may well go on. */
const isBrokenOff = (error: unknown): boolean =>
  error instanceof BrokenStream || (error instanceof DomainError && error.code === 'timeout');

/** Lets an agent be out of reach for a while; what it says itself stands. */
function tolerate(error: unknown, failures: number, signal: AbortSignal): undefined {
  signal.throwIfAborted();
  const passes =
    error instanceof DomainError &&
    !(error instanceof AgentError) &&
    (error.code === 'unavailable' || error.code === 'timeout');
  if (!passes || failures >= MAX_FAILED_LOOKS) throw error;
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, { signal }).catch(() => signal.throwIfAborted());
}
