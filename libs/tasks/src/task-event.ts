import type { Artifact, Part, TaskSnapshot, TaskState } from '@app/a2a';

/** What a caller asks of an agent. */
export interface NewTask {
  /** Slug of an enabled agent. */
  readonly agent: string;
  /** Id of the skill that is meant; the agent as a whole when absent. */
  readonly skill?: string;
  readonly parts: readonly Part[];
  /** Goes on with a conversation: a `contextId` that an earlier task of this caller with this agent told. */
  readonly contextId?: string;
  /** Answers a task of this caller that asked something. */
  readonly taskId?: string;
}

interface TaskEventBase {
  readonly taskId: string;
  /** Counts the events of this task, from 1. */
  readonly seq: number;
  readonly at: Date;
}

/** What happens to a task, in order; `result` is the last one. */
export type TaskEvent = TaskEventBase &
  (
    | { readonly kind: 'status'; readonly state: TaskState; readonly message?: readonly Part[] }
    | { readonly kind: 'artifact'; readonly artifact: Artifact; readonly append: boolean; readonly lastChunk: boolean }
    /** The agent's turn is over: a final state, or one that waits for the caller. */
    | { readonly kind: 'result'; readonly result: TaskResult }
  );

/** What a turn came to. `taskId` is ours, `contextId` the agent's. */
export interface TaskResult extends Omit<TaskSnapshot, 'taskId' | 'length'> {
  readonly taskId: string;
}
