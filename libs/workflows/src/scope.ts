import { type Definition, taskAt } from '@app/dsl';
import type { Scope } from '@app/expressions';
import type { Activation, Level } from './frame.js';
import { readsSecrets } from './secret-reading.js';

/** What expressions are evaluated with. */
export interface Evaluator {
  evaluate(expression: string, scope: Scope): Promise<unknown>;
  fill(value: unknown, scope: Scope): Promise<unknown>;
  holds(expression: string, scope: Scope): Promise<boolean>;
}

/** The run that a frame belongs to, as the planner sees it. */
export interface World {
  readonly definition: Definition;
  readonly expressions: Evaluator;
  readonly run: { readonly id: string; readonly input: unknown; readonly startedAt: string };
  /** `$runtime`. */
  readonly runtime: { readonly name: string; readonly version: string };
  /** `$context` now. */
  readonly context: unknown;
  readonly now: () => Date;
  /** From 0 to 1, for jitter. */
  readonly random: () => number;
  /** `$secrets`: those that the definition names. @throws WorkflowError authorization */
  secrets(): Promise<Readonly<Record<string, unknown>>>;
}

/** Who is asking: the task whose expression it is, within what. */
export interface Place {
  readonly stack: readonly Level[];
  readonly activation?: Activation;
  /** Of the task or the workflow; `$input`. */
  readonly input?: unknown;
  readonly output?: unknown;
  /** What the task made, before its `output.as`. */
  readonly raw?: unknown;
  readonly vars?: Readonly<Record<string, unknown>>;
}

/** DSL 1.0.3, "Runtime Expression Arguments". */
export async function scopeOf(world: World, place: Place, data: unknown, ...expressions: unknown[]): Promise<Scope> {
  const { definition, run } = world;
  const { stack, activation, output, vars } = place;
  const input = 'input' in place ? place.input : activation === undefined ? run.input : activation.input;
  const needsSecrets = readsSecrets(JSON.stringify(expressions));
  return {
    data,
    variables: {
      context: world.context ?? null,
      input: input ?? null,
      output: output ?? null,
      secrets: needsSecrets ? await world.secrets() : {},
      authorization: null,
      task: activation === undefined ? null : taskOf(definition, activation, place.raw),
      workflow: {
        id: run.id,
        definition,
        input: run.input,
        startedAt: timeOf(run.startedAt),
      },
      runtime: { ...world.runtime, metadata: {} },
      ...Object.assign({}, ...stack.map((level) => level.vars)),
      ...vars,
    },
  };
}

/** DSL 1.0.3, "Task Descriptor". */
const taskOf = (definition: Definition, { task, raw, startedAt }: Activation, output: unknown) => ({
  name: nameIn(task),
  reference: task,
  definition: taskAt(definition, task) ?? null,
  input: raw ?? null,
  output: output ?? null,
  startedAt: timeOf(startedAt),
});

/** DSL 1.0.3, "DateTime Descriptor". */
function timeOf(iso8601: string) {
  const milliseconds = Date.parse(iso8601);
  return { iso8601, epoch: { seconds: Math.floor(milliseconds / 1_000), milliseconds } };
}

/** The last segment of a JSON Pointer. */
export const nameIn = (pointer: string): string =>
  (pointer.split('/').at(-1) ?? '').replaceAll('~1', '/').replaceAll('~0', '~');
