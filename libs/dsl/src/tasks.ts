import { isJsonObject, type JsonObject } from '@app/core';
import { argumentsOf, callName, needsArguments } from './calls.js';
import { type Check, flag, listOf, mapOf, shape } from './checks.js';
import { condition, durationOf, expression, expressionOrObject, filter, membersOf } from './data.js';
import { emit, listen } from './events.js';
import { caughtErrors, raise, retryOrReference, timeoutOrReference } from './faults.js';
import { LIMITS } from './limits.js';
import type { Place, Scope } from './place.js';
import { didYouMean, either, quoted } from './problems.js';
import { run } from './run.js';
import { TASK_KINDS, type TaskKind } from './task-kind.js';
import { RESERVED_VARIABLES, VARIABLES } from './variables.js';

/** DSL 1.0.3, "Flow Directive". */
const DIRECTIVES = ['continue', 'exit', 'end'];

/** A list of named tasks: of a workflow, a `do`, a loop, a try, a catch or a compensation. */
export const taskList: Check = (value, place) => namedTasks(value, place, 'list');
/** The branches of a fork run at once, so none of them can be gone to. */
const branches: Check = (value, place) => {
  namedTasks(value, place, 'branches');
  if (Array.isArray(value) && value.length > LIMITS.branches)
    place.problem(`Expected at most ${LIMITS.branches} branches, but found ${value.length}.`);
};

function namedTasks(value: unknown, place: Place, kind: Scope['kind']): void {
  const depth = place.around.depth + 1;
  if (depth > LIMITS.taskDepth)
    return place.problem(`Tasks are nested too deep; at most ${LIMITS.taskDepth} lists may stand inside each other.`);
  if (!Array.isArray(value) || value.length === 0)
    return place.expected(
      'a list of tasks',
      value,
      isJsonObject(value) ? 'Put "- " before the name of each task.' : undefined,
    );
  const names = value.flatMap((item) => (isJsonObject(item) ? Object.keys(item) : []));
  const inside = place.with({ depth, scope: { kind, names } });
  const seen = new Set<string>();
  for (const [index, item] of value.entries()) namedTask(item, inside.at(index), seen);
}

function namedTask(item: unknown, place: Place, seen: Set<string>): void {
  if (!isJsonObject(item)) return place.expected('an object with a name and its task', item);
  const entries = Object.entries(item);
  const [entry] = entries;
  if (entry === undefined || entries.length > 1)
    return place.problem(
      `Expected one task, but found ${entries.length === 0 ? 'none' : either(entries.map(([name]) => quoted(name))).replace(' or ', ' and ')}.`,
      entries.length > 1
        ? 'Give each task an item of its own; what belongs to a task is indented below its name.'
        : undefined,
    );
  const [name, content] = entry;
  const here = place.at(name);
  nameOf(name, here);
  if (seen.has(name)) here.problem(`The name ${quoted(name)} stands twice in this list; expected each name once.`);
  seen.add(name);
  task(content, here);
}

function nameOf(name: string, place: Place): void {
  if (name.trim() === '' || name.length > LIMITS.nameLength)
    place.problem(`Expected a name of 1 to ${LIMITS.nameLength} characters for this task.`);
  if (DIRECTIVES.includes(name))
    place.problem(`A task cannot be named "${name}", which "then" understands as a directive.`);
}

/** One task of any kind. */
export function task(value: unknown, place: Place): void {
  place.findings.tasks += 1;
  if (place.findings.tasks === LIMITS.tasks + 1)
    place.problem(`There are too many tasks; at most ${LIMITS.tasks} are allowed in one definition.`);
  if (!isJsonObject(value)) return place.expected('a task', value);
  const kind = kindOf(value, place);
  if (kind === undefined) return;
  const base = place.with({ variables: VARIABLES.task });
  shape({
    keyword: keywordIn(kind),
    what: `a "${kind}" task`,
    fields: { ...BASE, metadata: metadata(kind), ...KINDS[kind](value) },
    required: REQUIRED[kind] ?? [],
  })(value, base);
  if (kind === 'call' && value.with === undefined && needsArguments(value.call))
    place.problem(`"with" is missing from the call of ${quoted(String(value.call))}.`);
}

const keywordIn =
  (kind: TaskKind) =>
  (member: string): string => {
    if (member === kind) return kind;
    const shared = Object.hasOwn(BASE, member) || (member === 'catch' && kind !== 'try');
    return `${shared ? 'task' : kind}.${member}`;
  };

/** Chosen before anything else is looked at, so that there is one message about one kind, not one for each. */
function kindOf(value: JsonObject, place: Place): TaskKind | undefined {
  const keys = Object.keys(value);
  const found = TASK_KINDS.filter((kind) => keys.includes(kind) && !(kind === 'do' && keys.includes('for')));
  const [kind] = found;
  if (kind !== undefined && found.length === 1) return kind;
  if (kind === undefined) {
    const near = keys.map((key) => didYouMean(key, TASK_KINDS)).find((suggestion) => suggestion !== undefined);
    place.problem(`The task does not say what to do; expected one of ${either(TASK_KINDS)}.`, near);
  } else
    place.problem(
      `The task has ${found.join(' and ')}; expected only one of them.`,
      'Make them two tasks, one after the other.',
    );
  return undefined;
}

const BASE: Readonly<Record<string, Check>> = {
  if: (value, place) => condition(value, place.with({ variables: VARIABLES.taskIf })),
  input: filter('input', VARIABLES.taskInput),
  output: filter('output', VARIABLES.task),
  export: filter('export', VARIABLES.taskExport),
  timeout: timeoutOrReference,
  then: flow,
  metadata: () => undefined,
};

function flow(value: unknown, place: Place): void {
  const { kind, names } = place.around.scope;
  if (typeof value !== 'string' || value === '')
    return place.expected(`${either(DIRECTIVES)}, or the name of a task`, value);
  if (DIRECTIVES.includes(value)) return void place.findings.keywords.add(`then.${value}`);
  if (kind === 'branches')
    return place.problem(`"then" names ${quoted(value)}, but branches run at once; expected ${either(DIRECTIVES)}.`);
  if (kind === 'function')
    return place.problem(
      `"then" names ${quoted(value)}, but a function stands in no list; expected ${either(DIRECTIVES)}.`,
    );
  if (names.includes(value)) return void place.findings.keywords.add('then.name');
  const known = [...DIRECTIVES, ...names];
  place.problem(
    `"then" names ${quoted(value)}, which is no task of the same list; expected ${either(known)}.`,
    didYouMean(value, known),
  );
}

/** Free, but for the members that mean something here. */
const metadata =
  (kind: TaskKind): Check =>
  (value, place) => {
    if (!isJsonObject(value)) return place.expected('an object', value);
    const { compensate, atMostOnce } = value;
    if (atMostOnce !== undefined) {
      place.findings.keywords.add('metadata.atMostOnce');
      if (kind === 'call') flag(atMostOnce, place.at('atMostOnce'));
      else place.at('atMostOnce').problem(`"atMostOnce" says how a call is repeated, but this is a "${kind}" task.`);
    }
    if (compensate === undefined) return;
    place.findings.keywords.add('metadata.compensate');
    const here = place.at('compensate');
    if (place.around.compensating) return here.problem('A compensation cannot itself be compensated.');
    // It runs after its loop or catch has ended, and their variables with it.
    taskList(compensate, here.with({ compensating: true, added: [] }));
  };

const variable: Check = (value, place) => {
  if (typeof value !== 'string' || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(value))
    return place.expected('the name of a variable, without "$"', value);
  if (RESERVED_VARIABLES.includes(value))
    place.problem(`"${value}" is a variable of the language; expected another name.`);
};
const named = (value: unknown, otherwise: string): string => (typeof value === 'string' ? value : otherwise);

const loop = shape({
  keyword: 'for',
  what: 'a "for"',
  fields: { each: variable, in: expression, at: variable },
  required: ['in'],
});

function ofFor({ for: head }: JsonObject): Readonly<Record<string, Check>> {
  const each = named(membersOf(head).each, 'item');
  const at = named(membersOf(head).at, 'index');
  const inside =
    (check: Check): Check =>
    (value, place) =>
      check(value, place.with({ added: [...place.around.added, each, at] }));
  return {
    for: (value, place) => {
      loop(value, place);
      if (each === at) place.problem(`"each" and "at" are both called "${at}"; expected two names.`);
    },
    while: inside(condition),
    do: inside(taskList),
  };
}

const caught: Check = (value, place) => {
  const as = named(membersOf(value).as, 'error');
  const inside =
    (check: Check): Check =>
    (member, where) =>
      check(member, where.with({ added: [...where.around.added, as] }));
  shape({
    keyword: 'catch',
    what: 'a "catch"',
    fields: {
      errors: caughtErrors,
      as: variable,
      when: inside(condition),
      exceptWhen: inside(condition),
      retry: inside(retryOrReference),
      do: inside(taskList),
    },
  })(value, place);
};

const switchCase = shape({
  keyword: 'switch',
  what: 'a case',
  fields: { when: condition, then: flow },
  required: ['then'],
});
const namedCase: Check = (value, place) => {
  if (!isJsonObject(value) || Object.keys(value).length !== 1)
    return place.expected('an object with the name of one case', value);
  mapOf(switchCase, 'cases')(value, place);
};
const cases: Check = (value, place) => {
  listOf(namedCase, { what: 'cases', most: LIMITS.cases })(value, place);
  if (!Array.isArray(value)) return;
  const defaults = value
    .flatMap((item) => Object.entries(membersOf(item)))
    .filter(([, one]) => isJsonObject(one) && one.when === undefined);
  if (defaults.length > 1)
    place.problem(
      `The cases ${either(defaults.map(([name]) => quoted(name))).replace(' or ', ' and ')} have no "when"; expected at most one default.`,
    );
};

const fork = shape({ keyword: 'fork', what: 'a "fork"', fields: { branches, compete: flag }, required: ['branches'] });

const set: Check = (value, place) => {
  if (isJsonObject(value) && Object.keys(value).length === 0) return place.expected('at least one member', value);
  expressionOrObject(value, place);
};

const KINDS: Readonly<Record<TaskKind, (task: JsonObject) => Readonly<Record<string, Check>>>> = {
  call: ({ call }) => ({ call: callName, with: argumentsOf(call) }),
  do: () => ({ do: taskList }),
  emit: () => ({ emit }),
  for: ofFor,
  fork: () => ({ fork }),
  listen: () => ({ listen }),
  raise: () => ({ raise }),
  run: () => ({ run }),
  set: () => ({ set }),
  switch: () => ({ switch: cases }),
  try: () => ({ try: taskList, catch: caught }),
  wait: () => ({ wait: durationOf() }),
};
const REQUIRED: Partial<Record<TaskKind, readonly string[]>> = { for: ['do'], try: ['catch'] };
