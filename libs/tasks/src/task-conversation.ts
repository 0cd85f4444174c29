import { setTimeout as sleep } from 'node:timers/promises';
import { type A2aClient, type AgentEvent, isFinal, isInterrupted, type TaskSnapshot } from '@app/a2a';
import type { DirectoryEntry } from '@app/agents';
import { DomainError } from '@app/core';
import type { Executor } from '@app/durable';
import { Log } from '@app/telemetry';
import type { TaskRow } from './task-row.js';

const FRESH_POLL_MS = 100;
/** How long an agent may take to answer `CancelTask`. */
const CANCEL_MS = 5_000;

const log = new Log('Tasks');

/** One turn with an agent: what is to be said, and whether somebody may have said it already. */
export interface Conversation {
  readonly a2a: A2aClient;
  readonly executor: Executor;
  readonly agent: DirectoryEntry;
  readonly row: TaskRow;
  readonly signal: AbortSignal;
  /** The next event replaces what is known. */
  readonly replaceNext: () => void;
}

/** What the agent says, whoever asked it: a message is sent once, and a task that is under way is gone on with. */
export async function* eventsOf(talk: Conversation): AsyncGenerator<AgentEvent, void, undefined> {
  const { agent, row } = talk;
  const { inbox, upstream_id: upstreamId } = row;
  const [message] = inbox;
  if (message === undefined) return yield* noticed(talk);
  if (row.heard && upstreamId !== null) return yield* followed(talk, upstreamId);
  if (row.attempts > 1) {
    if (upstreamId !== null && (await wasAnswered(talk, upstreamId))) return yield* followed(talk, upstreamId);
    const forbids = agent.resend === 'never' ? 'whose setting is' : message.atMostOnce && 'and the call asked';
    if (forbids)
      throw new DomainError(
        'unavailable',
        `outcome unknown: the message may have reached ${agent.slug}, ${forbids} never to send it again`,
      );
  }
  await ownership(talk);
  const { messageId, parts } = message;
  const sent = {
    messageId,
    parts,
    contextId: row.context_id ?? undefined,
    taskId: upstreamId ?? undefined,
    metadata: row.skill === null ? undefined : { skillId: row.skill },
  };
  yield* talk.a2a.send(agent.connection, sent, talk.signal);
}

/** @returns whether the agent heard that its task is canceled; aborting a stream does not stop an A2A task */
export async function cancelUpstream(a2a: A2aClient, agent: DirectoryEntry, upstreamId: string): Promise<boolean> {
  try {
    await a2a.cancel(agent.connection, upstreamId, AbortSignal.timeout(CANCEL_MS));
    return true;
  } catch (cause) {
    log.warn('The agent could not be told that its task is canceled', { agent: agent.slug, cause });
    return false;
  }
}

/** Waiting for somebody's authorization, an agent goes on by itself. */
async function* noticed(talk: Conversation): AsyncGenerator<AgentEvent, void, undefined> {
  const { a2a, agent, row, signal } = talk;
  if (row.upstream_id === null) return;
  const now = await a2a.get(agent.connection, row.upstream_id, signal);
  if (now.state === row.state) return;
  if (!isFinal(now.state)) return yield* followed(talk, row.upstream_id);
  talk.replaceNext();
  yield now;
}

function followed({ a2a, agent, signal, replaceNext }: Conversation, upstreamId: string): AsyncIterable<AgentEvent> {
  replaceNext();
  return a2a.follow(agent.connection, upstreamId, signal);
}

/** Whether an agent has taken the answer to its question: it asks no more, or something else. */
async function wasAnswered({ a2a, agent, row, signal }: Conversation, upstreamId: string): Promise<boolean> {
  const now = await a2a.get(agent.connection, upstreamId, signal);
  return !isInterrupted(now.state) || questionOf(now) !== questionOf({ message: row.message ?? undefined });
}

const questionOf = ({ message = [] }: Pick<TaskSnapshot, 'message'>): string => JSON.stringify(message);

/** Sending cannot be taken back: only who certainly owns the task may. */
async function ownership({ executor, row, signal }: Conversation): Promise<void> {
  while (!executor.isFresh()) await sleep(FRESH_POLL_MS, undefined, { signal });
  if (executor.id !== row.executor) throw new Error('The task was lost before its message was sent');
}
