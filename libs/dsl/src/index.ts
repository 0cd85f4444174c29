export { nextCronTime } from './cron.js';
export type {
  CallTask,
  Catch,
  ConsumptionStrategy,
  DataFilter,
  Definition,
  Duration,
  ErrorDefinition,
  EventFilter,
  ForTask,
  RetryPolicy,
  Schedule,
  Task,
  TaskList,
  Timeout,
} from './definition.js';
export { durationMs, readDuration } from './durations.js';
export { ganttOf } from './gantt.js';
export { graphOf } from './graph.js';
export { KEYWORDS } from './keywords.js';
export { keywordsPage } from './keywords-page.js';
export { LIMITS } from './limits.js';
export type { TaskState } from './mermaid-text.js';
export type { Problem } from './problems.js';
export { agentsOf, expressionsOf, keywordsOf, readDefinition, secretsOf, workflowsOf } from './read.js';
export { compileSchema } from './schemas.js';
export { TASK_KINDS, type TaskKind, taskKindOf } from './task-kind.js';
export { namedItem, type NamedTask, taskAt, tasksOf } from './walk.js';
