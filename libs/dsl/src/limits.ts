/** What one definition may hold. Told by name and number where it is met. */
export const LIMITS = {
  /** Bytes of YAML or JSON, as it was sent. */
  sourceBytes: 256 * 1024,
  /** Bytes of JSON once aliases are put in place. */
  expandedBytes: 1024 * 1024,
  /** Uses of YAML anchors. */
  aliases: 100,
  /** Objects and lists inside each other, whatever they mean. */
  depth: 100,
  /** Problems that are listed; more are only mentioned. */
  problems: 50,
  tasks: 500,
  /** Task lists inside each other. */
  taskDepth: 20,
  branches: 50,
  cases: 50,
  /** Filters of one `listen`. */
  events: 50,
  functions: 100,
  secrets: 50,
  formFields: 50,
  nameLength: 100,
  /** Characters. */
  expressionLength: 8192,
  promptLength: 8192,
  durationDays: 3660,
  /** Seconds between two starts by `schedule.every`. */
  leastEverySeconds: 1,
  retryAttempts: 1000,
} as const;
