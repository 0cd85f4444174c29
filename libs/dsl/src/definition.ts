import type { JsonObject } from '@app/core';

/**
 * A workflow as its author wrote it: CNCF Serverless Workflow DSL 1.0.3, as far as it is supported here, and checked by
 * `readDefinition`. Strings may hold runtime expressions (`${ … }`, jq) wherever the DSL allows them.
 */
export interface Definition {
  readonly document: Document;
  readonly input?: DataFilter;
  readonly use?: Use;
  readonly do: TaskList;
  readonly timeout?: Timeout | string;
  readonly output?: DataFilter;
  readonly schedule?: Schedule;
}

export interface Document {
  readonly dsl: string;
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly title?: string;
  readonly summary?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly metadata?: JsonObject;
}

/** Reusable parts, by name. */
export interface Use {
  readonly authentications?: Readonly<Record<string, JsonObject>>;
  readonly errors?: Readonly<Record<string, ErrorDefinition>>;
  readonly functions?: Readonly<Record<string, Task>>;
  readonly retries?: Readonly<Record<string, RetryPolicy>>;
  readonly secrets?: readonly string[];
  readonly timeouts?: Readonly<Record<string, Timeout>>;
}

/** Each item has exactly one member: the task's name and the task. */
export type TaskList = readonly Readonly<Record<string, Task>>[];

/** ISO 8601 duration, or its parts. */
export type Duration = string | Partial<Record<'days' | 'hours' | 'minutes' | 'seconds' | 'milliseconds', number>>;

export interface Timeout {
  readonly after: Duration;
}

/** `from` of an input, `as` of an output or export: an expression or an object that holds some. */
export interface DataFilter {
  readonly schema?: { readonly format?: string; readonly document?: JsonObject };
  readonly from?: unknown;
  readonly as?: unknown;
}

/** What every task may have. */
export interface TaskBase {
  readonly if?: string;
  readonly input?: DataFilter;
  readonly output?: DataFilter;
  readonly export?: DataFilter;
  /** A definition, or the name of one of `use.timeouts`. */
  readonly timeout?: Timeout | string;
  /** `continue`, `exit`, `end`, or the name of a task of the same list. */
  readonly then?: string;
  readonly metadata?: JsonObject & {
    /** What undoes this task once it was completed, when its workflow faults or is cancelled. Ours. */
    readonly compensate?: TaskList;
    /** Faults rather than call again when it is unknown whether the call was made. Ours. */
    readonly atMostOnce?: boolean;
  };
}

/** RFC 7807, or the name of one of `use.errors`. */
export interface ErrorDefinition {
  readonly type: string;
  readonly status: number | string;
  readonly title?: string;
  readonly detail?: string;
  readonly instance?: string;
}

export interface RetryPolicy {
  readonly when?: string;
  readonly exceptWhen?: string;
  readonly delay?: Duration;
  readonly backoff?: {
    readonly constant?: JsonObject;
    readonly linear?: JsonObject & { readonly increment?: Duration };
    readonly exponential?: JsonObject & { readonly multiplier?: number };
  };
  readonly limit?: {
    readonly attempt?: { readonly count?: number; readonly duration?: Duration };
    readonly duration?: Duration;
  };
  readonly jitter?: { readonly from: Duration; readonly to: Duration };
}

export interface Catch {
  readonly errors?: { readonly with?: Partial<Record<keyof ErrorDefinition, string | number>> };
  /** Name of the variable that holds the error; `error` when absent. */
  readonly as?: string;
  readonly when?: string;
  readonly exceptWhen?: string;
  readonly retry?: RetryPolicy | string;
  readonly do?: TaskList;
}

export interface EventFilter {
  /** Attributes of the CloudEvent: literals, or expressions. */
  readonly with: Readonly<Record<string, unknown>>;
  readonly correlate?: Readonly<Record<string, { readonly from: string; readonly expect?: string }>>;
}

/** Which events end a `listen`. */
export interface ConsumptionStrategy {
  readonly one?: EventFilter;
  readonly any?: readonly EventFilter[];
  readonly all?: readonly EventFilter[];
  /** Of `any`: an expression over what was consumed so far, or the events that end it. */
  readonly until?: string | ConsumptionStrategy;
}

export interface Schedule {
  readonly every?: Duration;
  /** Five fields (minute hour day month weekday). */
  readonly cron?: string;
  readonly after?: Duration;
}

export interface CallTask extends TaskBase {
  /** `http`, `a2a`, `mcp`, `agent` and `human` (ours), or the name of one of `use.functions`. */
  readonly call: string;
  readonly with?: JsonObject;
}
export interface DoTask extends TaskBase {
  readonly do: TaskList;
}
export interface EmitTask extends TaskBase {
  readonly emit: { readonly event: { readonly with: Readonly<Record<string, unknown>> } };
}
export interface ForTask extends TaskBase {
  readonly for: { readonly each?: string; readonly in: string; readonly at?: string };
  readonly while?: string;
  readonly do: TaskList;
}
export interface ForkTask extends TaskBase {
  readonly fork: { readonly branches: TaskList; readonly compete?: boolean };
}
export interface ListenTask extends TaskBase {
  readonly listen: { readonly to: ConsumptionStrategy; readonly read?: 'data' | 'envelope' | 'raw' };
}
export interface RaiseTask extends TaskBase {
  readonly raise: { readonly error: ErrorDefinition | string };
}
export interface RunTask extends TaskBase {
  readonly run: {
    readonly workflow: {
      readonly namespace: string;
      readonly name: string;
      /** `latest` when absent. */
      readonly version?: string;
      readonly input?: unknown;
    };
    /** False: goes on at once, with its own input as output. */
    readonly await?: boolean;
  };
}
export interface SetTask extends TaskBase {
  readonly set: JsonObject | string;
}
export interface SwitchTask extends TaskBase {
  readonly switch: readonly Readonly<Record<string, { readonly when?: string; readonly then: string }>>[];
}
export interface TryTask extends TaskBase {
  readonly try: TaskList;
  readonly catch: Catch;
}
export interface WaitTask extends TaskBase {
  readonly wait: Duration;
}

/** DSL 1.0.3, "Tasks". */
export type Task =
  | CallTask
  | DoTask
  | EmitTask
  | ForTask
  | ForkTask
  | ListenTask
  | RaiseTask
  | RunTask
  | SetTask
  | SwitchTask
  | TryTask
  | WaitTask;
