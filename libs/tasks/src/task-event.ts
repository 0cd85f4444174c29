import type { Artifact, Part, TaskState } from '@app/a2a';
import type { ErrorCode, JsonObject, Trace } from '@app/core';

/** What a caller asks of an agent. */
export interface NewTask {
  /** Slug of an enabled agent. */
  readonly agent: string;
  /** Id of the skill that is meant; the agent as a whole when absent. */
  readonly skill?: string;
  readonly parts: readonly Part[];
  /** Goes on with a conversation: a `contextId` that an earlier task of this principal with this agent told. */
  readonly contextId?: string;
  /** Answers a task of this principal that waits. */
  readonly taskId?: string;
  /** Carries the `contextId` per agent. */
  readonly sessionId?: string;
  /** The same key with the same input gives the same task, for each principal and tool; 1 to 200 characters. */
  readonly idempotencyKey?: string;
  /** Whoever takes it over must not send it again: then its outcome is unknown, and it fails. */
  readonly atMostOnce?: boolean;
  /** Of the request; goes on to the agent. */
  readonly trace?: Trace;
}

/** What a caller sees of a task. */
export interface TaskView {
  readonly taskId: string;
  /** `agent`: a call to an agent; `workflow`: a run of a workflow. */
  readonly kind: string;
  /** Slug of the agent; of a run `workflow/<name>`. */
  readonly agent: string;
  /** The run of a workflow that it is a step of. */
  readonly parentId?: string;
  readonly skill?: string;
  readonly sessionId?: string;
  /** The agent's. */
  readonly contextId?: string;
  readonly state: TaskState;
  /** What the agent said last. */
  readonly message?: readonly Part[];
  readonly artifacts: readonly Artifact[];
  /** What the agent said before that, oldest first. */
  readonly history: readonly (readonly Part[])[];
  /** Why it failed, when it was not the agent that said so. */
  readonly error?: TaskError;
  /** Answers that came too late: the task was over before the agent could hear them. An A2A task cannot be reopened. */
  readonly undelivered?: readonly (readonly Part[])[];
  readonly lastSeq: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly finishedAt?: Date;
}

export interface TaskError {
  readonly code: ErrorCode;
  readonly message: string;
}

/** A lifecycle event of a task of a workflow (DSL 1.0.3, "Lifecycle Events"). */
export interface StepEvent {
  /** `io.serverlessworkflow.task.started.v1`, … */
  readonly type: string;
  /** JSON Pointer of the task in the definition. */
  readonly task: string;
  /** Which thread of the run; empty: its main one. */
  readonly frame: string;
  /** Sets one execution of the task apart from others: iterations, attempts. */
  readonly key: string;
  readonly detail?: JsonObject;
}

interface TaskEventBase {
  readonly taskId: string;
  /** Grows by one with each event of this task, from 1. */
  readonly seq: number;
  readonly at: Date;
}

/** What happens to a task, in order. */
export type TaskEvent = TaskEventBase &
  (
    | { readonly kind: 'status'; readonly state: TaskState; readonly message?: readonly Part[] }
    | { readonly kind: 'artifact'; readonly artifact: Artifact; readonly append: boolean; readonly lastChunk: boolean }
    /** Something happened to a step of a workflow's run. */
    | ({ readonly kind: 'step' } & StepEvent)
    /** Replaces what was known: after a takeover, or for a `from` that is no longer kept. */
    | { readonly kind: 'snapshot'; readonly task: TaskView }
    /** The agent's turn is over: a final state, or one that waits for the caller. The last event. */
    | { readonly kind: 'result'; readonly task: TaskView }
  );
