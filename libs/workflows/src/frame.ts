/** Where a run is. Stored as JSON: fields are added, never changed; `v` counts incompatible shapes. */
export interface Frame {
  readonly v: 1;
  /** Empty: the run's main thread; `0/1`: branch 1 of a fork that was the first of the main one; `undo`: compensation. */
  readonly id: string;
  readonly parent: string | null;
  /** Lists being executed, innermost last. Empty: it is over. */
  readonly stack: readonly Level[];
  /** Raw input of the next task. */
  readonly data: unknown;
  /** What it waits for. */
  readonly leaf?: Leaf;
  /** Tasks begun so far: with the id it names each execution of a task. */
  readonly count: number;
  /** Forks begun so far. */
  readonly forks: number;
  /** What it came to. */
  readonly end?: { readonly output: unknown } | { readonly problem: Problem };
}

/** One execution of one task. */
export interface Activation {
  /** JSON Pointer of the task in the definition; empty: the workflow. */
  readonly task: string;
  /** Unlike any other execution in its run. */
  readonly key: string;
  readonly raw: unknown;
  /** After `input.from`. */
  readonly input: unknown;
  readonly startedAt: string;
  /** When its `timeout` is over. */
  readonly deadline?: string;
}

/** A list of tasks being executed, for the task that holds it. */
export interface Level extends Activation {
  /** JSON Pointer of the list. */
  readonly list: string;
  /** Of the task that is or was next. */
  readonly index: number;
  /** Only the task of this index: a branch of a fork. */
  readonly only?: number;
  /** Variables it adds for the tasks inside: `each` and `at` of a `for`, `as` of a `catch`. */
  readonly vars?: Readonly<Record<string, unknown>>;
  readonly for?: { readonly items: readonly unknown[]; readonly at: number };
  readonly try?: { readonly phase: 'try' | 'pause' | 'catch'; readonly attempt: number; readonly since: string };
}

/** A task that was handed to the outside; the frame goes on when its outcome is known. */
export interface Leaf extends Activation {
  readonly effect: Effect;
  /** Id of the task or wait that the outside made for it. */
  readonly handle?: string;
  /** Of a `listen`: what it took so far. */
  readonly taken?: readonly Taken[];
}

/** An event that a `listen` took. */
export interface Taken {
  /** Which of its filters it fits. */
  readonly filter: number;
  /** In the inbox. */
  readonly position: number;
  readonly event: Readonly<Record<string, unknown>>;
}

/** What a frame asks of the outside. Everything in it is evaluated. */
export type Effect =
  | {
      readonly kind: 'call';
      readonly call: CallKind;
      readonly with: Readonly<Record<string, unknown>>;
      readonly atMostOnce: boolean;
    }
  | { readonly kind: 'human'; readonly with: Readonly<Record<string, unknown>>; readonly until?: string }
  | { readonly kind: 'wait'; readonly until: string }
  /** Before another attempt of a `try`. */
  | { readonly kind: 'retry'; readonly until: string }
  | { readonly kind: 'listen'; readonly to: Listening; readonly read: 'data' | 'envelope' | 'raw' }
  | { readonly kind: 'emit'; readonly event: Readonly<Record<string, unknown>> }
  | {
      readonly kind: 'run';
      readonly name: string;
      readonly version: string;
      readonly input: unknown;
      readonly awaits: boolean;
    }
  | { readonly kind: 'fork'; readonly branches: readonly string[]; readonly competes: boolean };

export type CallKind = 'agent' | 'http' | 'mcp' | 'a2a';

/** What ends a `listen`: filters with their expressions about the run filled in. */
export interface Listening {
  readonly mode: 'one' | 'any' | 'all';
  readonly filters: readonly ListenFilter[];
  /** Expression over the events consumed so far; of `any` only. */
  readonly until?: string;
}

export interface ListenFilter {
  readonly with: Readonly<Record<string, unknown>>;
  /** Expressions over the event's data, and what each must be; undefined: whatever the first event says. */
  readonly correlate: readonly { readonly from: string; readonly expect?: unknown }[];
}

/** RFC 7807, as the DSL uses it (1.0.3, "Error"). */
export interface Problem {
  readonly type: string;
  readonly status: number;
  readonly title?: string;
  readonly detail?: string;
  /** JSON Pointer of the task that raised it. */
  readonly instance?: string;
}

/** A completed task that is undone when its run faults or is cancelled. */
export interface Undo {
  readonly task: string;
  readonly key: string;
  readonly output: unknown;
}

export const ROOT = '';
