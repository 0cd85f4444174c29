import {
  type CallTask,
  type ConsumptionStrategy,
  type Duration,
  type ErrorDefinition,
  type EventFilter,
  type Task,
  taskAt,
  type TaskKind,
  taskKindOf,
} from '@app/dsl';
import type { Activation, CallKind, Effect, Listening, ListenFilter, Problem } from './frame.js';
import { setApart } from './call-secrets.js';
import { callersIn } from './functions.js';
import { filtered, momentAfter } from './lifecycle.js';
import { problemOf, WorkflowError } from './problems.js';
import { type Place, scopeOf, type World } from './scope.js';

type Here = Place & { readonly activation: Activation };
/** Done already. */
type Done = { readonly kind: 'output'; readonly output: unknown; readonly then?: string };
type Simple = Exclude<TaskKind, 'do' | 'for' | 'try'>;
type Of<K extends Simple> = Extract<Task, Record<K, unknown>>;

/** What a task that holds no list asks of the outside, or what it came to. @throws WorkflowError, ExpressionError */
export function effectOf(world: World, here: Here, task: Task): Promise<Effect | Done> {
  const make = EFFECTS[taskKindOf(task) as Simple] as (world: World, here: Here, task: Task) => Promise<Effect | Done>;
  return make(world, here, task);
}

const EFFECTS: { readonly [K in Simple]: (world: World, here: Here, task: Of<K>) => Promise<Effect | Done> } = {
  set: async (world, here, { set }) => ({
    kind: 'output',
    output: await filtered(world, here, set, here.activation.input),
  }),

  switch: async (world, here, task) => {
    const { input } = here.activation;
    for (const item of task.switch)
      for (const { when, then } of Object.values(item))
        if (when === undefined || (await world.expressions.holds(when, await scopeOf(world, here, input, when))))
          return { kind: 'output', output: input, then };
    return { kind: 'output', output: input };
  },

  raise: async (world, here, { raise: { error } }) => {
    const definition = typeof error === 'string' ? world.definition.use?.errors?.[error] : error;
    throw new WorkflowError(await problemFrom(world, here, definition));
  },

  wait: async (world, here, { wait }) => ({
    kind: 'wait',
    until: await momentAfter(world, here, wait, here.activation.input),
  }),

  emit: async (world, here, { emit }) => {
    const event = await filled(world, here, emit.event.with);
    return { kind: 'emit', event };
  },

  listen: async (world, here, { listen: { to, read = 'data' } }) => ({
    kind: 'listen',
    to: await listeningTo(world, here, to),
    read,
  }),

  run: async (world, here, { run: { workflow, await: awaits = true } }) => {
    const { namespace, name, version = 'latest', input } = workflow;
    const given =
      input === undefined ? here.activation.input : await filtered(world, here, input, here.activation.input);
    return { kind: 'run', namespace, name, version, input: given, awaits };
  },

  fork: (_world, here, { fork: { branches, compete = false } }) =>
    Promise.resolve({
      kind: 'fork',
      branches: branches.map((_, i) => `${here.activation.key}/${i}`),
      competes: compete,
    }),

  call: (world, here, task) => callOf(world, here, task),
};

const CALLS: Readonly<Record<string, CallKind>> = { agent: 'agent', http: 'http', mcp: 'mcp', a2a: 'a2a' };

async function callOf(world: World, here: Here, task: CallTask): Promise<Effect> {
  const { open, secret } = setApart(task.with ?? {});
  const args = await filled(world, here, open as object);
  if (task.call === 'human') {
    const { timeout, ...question } = args;
    if (timeout === undefined) return { kind: 'human', with: question };
    const until = await momentAfter(world, here, timeout as Duration, here.activation.input);
    return { kind: 'human', with: question, until };
  }
  const call = CALLS[task.call];
  if (call === undefined) throw new WorkflowError(problemOf('configuration', `call: no function ${task.call}`));
  const atMostOnce = isAtMostOnce(world, here, task);
  return { kind: 'call', call, with: args, ...(secret.length > 0 && { secret }), atMostOnce };
}

/** As the task says, or the call of the function that it stands in. */
function isAtMostOnce({ definition }: World, { stack }: Here, task: Task): boolean {
  const callers = callersIn(stack).flatMap((level) => taskAt(definition, level.task) ?? []);
  return [task, ...callers].some(({ metadata }) => metadata?.atMostOnce === true);
}

async function filled(world: World, here: Here, value: object): Promise<Record<string, unknown>> {
  const scope = await scopeOf(world, here, here.activation.input, value);
  return (await world.expressions.fill(value, scope)) as Record<string, unknown>;
}

async function problemFrom(world: World, here: Here, definition: ErrorDefinition | undefined): Promise<Problem> {
  if (definition === undefined) return problemOf('configuration', 'raise: there is no such error');
  const { status, ...rest } = await filled(world, here, definition);
  return { type: 'about:blank', instance: here.activation.task, ...rest, status: Number(status) };
}

async function listeningTo(world: World, here: Here, { until, ...to }: ConsumptionStrategy): Promise<Listening> {
  const mode = to.one !== undefined ? 'one' : to.all !== undefined ? 'all' : 'any';
  const given = to.one === undefined ? (to.all ?? to.any ?? []) : [to.one];
  const filters: ListenFilter[] = [];
  for (const filter of given) filters.push(await filterOf(world, here, filter));
  if (until === undefined) return { mode, filters };
  return { mode, filters, until: typeof until === 'string' ? until : await listeningTo(world, here, until) };
}

/** Expressions of `with` are about the event, those of `expect` about the run. */
async function filterOf(
  world: World,
  here: Here,
  { with: attributes, correlate = {} }: EventFilter,
): Promise<ListenFilter> {
  const correlations: { from: string; expect?: unknown }[] = [];
  for (const { from, expect } of Object.values(correlate)) {
    // A constant is written as it is; what is no `${ }` is not evaluated.
    if (expect === undefined) correlations.push({ from });
    else correlations.push({ from, expect: (await filled(world, here, { expect })).expect });
  }
  return { with: attributes, correlate: correlations };
}
