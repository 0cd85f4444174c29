/** What an expression sees. JSON values only. */
export interface Scope {
  /** What `.` is. */
  readonly data: unknown;
  /** Without their `$`: context, input, output, secrets, task, workflow, runtime, error, item … */
  readonly variables: Readonly<Record<string, unknown>>;
}
