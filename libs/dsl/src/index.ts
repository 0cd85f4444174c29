export { nextCronTime } from './cron.js';
export type {
  CallTask,
  Catch,
  ConsumptionStrategy,
  DataFilter,
  Definition,
  Document,
  DoTask,
  Duration,
  EmitTask,
  ErrorDefinition,
  EventFilter,
  ForkTask,
  ForTask,
  ListenTask,
  RaiseTask,
  RetryPolicy,
  RunTask,
  Schedule,
  SetTask,
  SwitchTask,
  Task,
  TaskBase,
  TaskList,
  Timeout,
  TryTask,
  Use,
  WaitTask,
} from './definition.js';
export { durationMs } from './durations.js';
export { ganttOf, type GanttRow } from './gantt.js';
export { graphOf } from './graph.js';
export type { Keyword } from './keyword.js';
export { KEYWORDS } from './keywords.js';
export { keywordsPage } from './keywords-page.js';
export { LIMITS } from './limits.js';
export type { TaskState } from './mermaid-text.js';
export type { AgentCall, FoundExpression, WorkflowCall } from './place.js';
export type { Problem } from './problems.js';
export { agentsOf, expressionsOf, keywordsOf, readDefinition, type Reading, secretsOf, workflowsOf } from './read.js';
export { compileSchema } from './schemas.js';
export { TASK_KINDS, type TaskKind, taskKindOf } from './task-kind.js';
export { namedItem, type NamedTask, taskAt, tasksOf } from './walk.js';
