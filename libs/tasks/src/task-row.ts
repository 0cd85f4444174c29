import {
  type Artifact,
  EMPTY_SNAPSHOT,
  isFinal,
  isInterrupted,
  type Part,
  type TaskSnapshot,
  type TaskState,
} from '@app/a2a';
import type { TaskError, TaskView } from './task-event.js';

/** What is to be said to an agent. */
export interface InboxMessage {
  /** Ours; sending again carries the same one. */
  readonly messageId: string;
  readonly parts: readonly Part[];
  /** With what and from where it was said; missing in messages of earlier versions. */
  readonly from?: { readonly keyId: string; readonly address?: string };
  /** Not to be sent again, whatever the agent's setting. */
  readonly atMostOnce?: true;
}

/** A row of `tasks`, as the statements give it. */
export interface TaskRow {
  readonly id: string;
  /** `agent`: a call to one; `workflow`: a run of one. */
  readonly kind: string;
  /** The run that it is a step of. */
  readonly parent: string | null;
  readonly principal: string;
  readonly agent: string;
  readonly skill: string | null;
  readonly session_id: string | null;
  readonly input_hash: string | null;
  readonly state: TaskState;
  readonly context_id: string | null;
  readonly upstream_id: string | null;
  readonly heard: boolean;
  readonly inbox: readonly InboxMessage[];
  readonly trace: string | null;
  readonly trace_state: string | null;
  readonly message: readonly Part[] | null;
  readonly history: readonly (readonly Part[])[];
  readonly error: TaskError | null;
  readonly last_seq: number;
  readonly folded_seq: number;
  readonly kept_from: number;
  readonly executor: string | null;
  readonly epoch: number;
  readonly attempts: number;
  readonly deadline: Date;
  readonly cancel_requested_at: Date | null;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly rested_at: Date | null;
  readonly finished_at: Date | null;
}

/** Nothing more comes by itself: the task is over or waits for its caller. */
export const isResting = (state: TaskState): boolean => isFinal(state) || isInterrupted(state);

/** What its caller sees of a task. */
export function viewOf(row: TaskRow, { state, message, artifacts, history, contextId }: TaskSnapshot): TaskView {
  return {
    taskId: row.id,
    kind: row.kind,
    agent: row.agent,
    ...(row.parent !== null && { parentId: row.parent }),
    ...(row.skill !== null && { skill: row.skill }),
    ...(row.session_id !== null && { sessionId: row.session_id }),
    ...((contextId ?? row.context_id) !== null && { contextId: contextId ?? row.context_id ?? undefined }),
    state,
    ...(message !== undefined && { message }),
    artifacts,
    history,
    ...(row.error !== null && { error: row.error }),
    ...(row.finished_at !== null && row.inbox.length > 0 && { undelivered: row.inbox.map(({ parts }) => parts) }),
    lastSeq: row.last_seq,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    ...(row.finished_at !== null && { finishedAt: row.finished_at }),
  };
}

/** What the row itself knows of the agent's answer: as it was after event `folded_seq`. */
export const snapshotOf = (row: TaskRow, artifacts: readonly Artifact[] = []): TaskSnapshot => ({
  ...EMPTY_SNAPSHOT,
  taskId: row.upstream_id ?? undefined,
  contextId: row.context_id ?? undefined,
  state: row.state,
  message: row.message ?? undefined,
  artifacts,
  history: row.history,
});
