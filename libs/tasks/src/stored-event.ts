import { type AgentEvent, EMPTY_SNAPSHOT, foldEvent, type TaskSnapshot } from '@app/a2a';
import { isResting, type TaskRow, viewOf } from './task-row.js';
import type { TaskEvent } from './task-event.js';

/** An event as it is stored, before it is numbered. */
export interface StoredEvent {
  readonly at: Date;
  readonly kind: string;
  readonly body: object;
}

/** A row of `task_events`. */
export interface EventRow extends StoredEvent {
  readonly task_id: string;
  readonly seq: number;
}

/** How an event of an agent is told on. @param before, after what was known of the task */
export function storedEvent(event: AgentEvent, before: TaskSnapshot, after: TaskSnapshot): StoredEvent {
  const at = new Date();
  if (event.kind === 'artifact') {
    const { artifact, append, lastChunk } = event;
    return { at, kind: 'artifact', body: { artifact, append, lastChunk } };
  }
  // At the end of a turn the result says the rest.
  const replaces = event.kind === 'task' && !isResting(after.state) && (holdsMore(before) || holdsMore(after));
  if (replaces) return snapshotEvent(after);
  return { at, kind: 'status', body: { state: after.state, message: after.message } };
}

/** All that is known, in place of what was told before. */
export function snapshotEvent({ state, message, artifacts, history }: TaskSnapshot): StoredEvent {
  return { at: new Date(), kind: 'snapshot', body: { state, message, artifacts, history } };
}

/** The mark of the end of a turn; what it came to stands in the task. */
export const resultEvent = (): StoredEvent => ({ at: new Date(), kind: 'result', body: {} });

/** What is known of a task after one more of its stored events. */
export function foldStored(before: TaskSnapshot, { kind, body }: StoredEvent): TaskSnapshot {
  const agentKind = { status: 'status', artifact: 'artifact', snapshot: 'task' }[kind];
  if (agentKind === undefined) return before;
  const event = { ...body, kind: agentKind, taskId: before.taskId } as AgentEvent;
  return { ...foldEvent(before, event), taskId: before.taskId };
}

/** A snapshot made of its parts, with its length. */
export function wholeSnapshot(parts: TaskSnapshot): TaskSnapshot {
  return {
    ...foldStored({ ...EMPTY_SNAPSHOT, contextId: parts.contextId }, snapshotEvent(parts)),
    taskId: parts.taskId,
  };
}

/** A stored event as followers see it; kinds that a newer version writes pass through. @param row of its task */
export function toldEvent({ task_id: taskId, seq, at, kind, body }: EventRow, row: TaskRow): TaskEvent {
  if (kind !== 'snapshot') return { taskId, seq, at, kind, ...body } as TaskEvent;
  const snapshot = foldStored({ ...EMPTY_SNAPSHOT, contextId: row.context_id ?? undefined }, { at, kind, body });
  return { taskId, seq, at, kind, task: { ...viewOf(row, snapshot), lastSeq: seq } };
}

const holdsMore = ({ artifacts, history, message }: TaskSnapshot): boolean =>
  artifacts.length > 0 || history.length > 0 || message !== undefined;
