/**
 * Which variables an expression may refer to, by where it stands.
 * DSL 1.0.3, dsl.md, "Runtime expression arguments".
 */
const EVERYWHERE = ['secrets', 'workflow', 'runtime'];
const IN_TASK = ['context', ...EVERYWHERE, 'task'];

export const VARIABLES = {
  workflowInput: EVERYWHERE,
  workflowOutput: ['context', ...EVERYWHERE],
  taskInput: IN_TASK,
  taskIf: [...IN_TASK, 'input'],
  task: [...IN_TASK, 'input', 'authorization'],
  taskExport: [...IN_TASK, 'input', 'authorization', 'output'],
} as const;

/** Names that a loop or a catch may not give to its own variables: the DSL's, and jq's. */
export const RESERVED_VARIABLES: readonly string[] = [...VARIABLES.taskExport, 'ENV', '__loc__', '__prog_args'];
