import { isJsonObject } from '@app/core';
import { RESERVED_CALLS } from './calls.js';
import { type Check, listOf, mapOf, oneOfWords, refuse, shape, text } from './checks.js';
import { cronProblem, timeZoneProblem } from './cron.js';
import { durationOf, filter, membersOf, passing } from './data.js';
import { authentication } from './endpoints.js';
import { error, retryPolicy, timeout, timeoutOrReference } from './faults.js';
import { LIMITS } from './limits.js';
import type { Place } from './place.js';
import { quoted } from './problems.js';
import { nameCheck, versionCheck } from './run.js';
import { task, taskList } from './tasks.js';
import { VARIABLES } from './variables.js';

/** The versions of the language that are read; their definitions mean the same. */
export const DSL_VERSIONS = ['1.0.0', '1.0.1', '1.0.2', '1.0.3'] as const;

const dsl: Check = (value, place) => {
  if (typeof value === 'string' && (DSL_VERSIONS as readonly string[]).includes(value)) return;
  if (typeof value === 'number') return place.expected('text', value, `Put it into quotes: "${DSL_VERSIONS.at(-1)}".`);
  place.expected(`a version of the DSL from ${DSL_VERSIONS[0]} to ${DSL_VERSIONS.at(-1)}`, value);
};

const documentMetadata: Check = (value, place) => {
  if (!isJsonObject(value)) return place.expected('an object', value);
  if (value.timezone === undefined) return;
  place.findings.keywords.add('document.metadata.timezone');
  const problem = timeZoneProblem(value.timezone);
  if (problem !== undefined) place.at('timezone').problem(problem);
};

const documentCheck = shape({
  keyword: 'document',
  what: 'the document',
  fields: {
    dsl,
    namespace: nameCheck,
    name: nameCheck,
    version: versionCheck,
    title: text('text', { max: 200 }),
    summary: text('text', { max: 10_000 }),
    tags: mapOf(text(), 'tags', 50),
    metadata: documentMetadata,
  },
  required: ['dsl', 'namespace', 'name', 'version'],
});

const functionsCheck: Check = (value, place) => {
  mapOf((content, where) => task(content, where), 'functions', LIMITS.functions)(value, place);
  for (const name of Object.keys(membersOf(value)))
    if (RESERVED_CALLS.includes(name))
      place.at(name).problem(`A function cannot be called "${name}", which is a built-in call.`);
};

const SECRET_NAME = /^[A-Za-z_][A-Za-z0-9_.-]*$/;
const secrets: Check = (value, place) => {
  const name = text('the name of a secret: letters, digits, "_", "." and "-"', {
    max: LIMITS.nameLength,
    pattern: SECRET_NAME,
  });
  listOf(name, { what: 'secrets', least: 0, most: LIMITS.secrets })(value, place);
  if (!Array.isArray(value)) return;
  for (const [index, one] of value.entries())
    if (value.indexOf(one) !== index)
      place.at(index).problem(`${quoted(String(one))} stands twice in this list; expected each name once.`);
};

/** A policy that is declared for all tries: nobody knows what the catch calls its error, so it is `error`. */
const declaredRetry: Check = (value, place) =>
  retryPolicy(value, place.with({ variables: [...VARIABLES.task, 'error'] }));
const inTasks =
  (check: Check): Check =>
  (value, place) =>
    check(value, place.with({ variables: VARIABLES.task }));

const use = shape({
  keyword: 'use',
  what: 'a "use"',
  fields: {
    authentications: mapOf(passing(inTasks(authentication)), 'authentication policies'),
    errors: mapOf(inTasks(error), 'errors'),
    functions: functionsCheck,
    retries: mapOf(declaredRetry, 'retry policies'),
    secrets,
    timeouts: mapOf(inTasks(timeout), 'timeouts'),
  },
});

const cron: Check = (value, place) => {
  text('a cron expression of five fields')(value, place);
  if (typeof value !== 'string' || value.trim() === '') return;
  const problem = cronProblem(value);
  if (problem !== undefined) place.problem(problem.message, problem.suggestion);
};

const schedule = shape({
  keyword: 'schedule',
  what: 'a schedule',
  fields: {
    every: durationOf({ leastMs: LIMITS.leastEverySeconds * 1000, noExpression: true }),
    cron,
    after: durationOf({ noExpression: true }),
  },
  oneOf: ['every', 'cron', 'after', 'on'],
});

const language: Check = (value, place) =>
  typeof value === 'string' && value !== 'jq'
    ? refuse('evaluate.language other than jq', place)
    : oneOfWords(['jq'])(value, place);
const mode: Check = (value, place) =>
  value === 'loose' ? refuse('evaluate.mode loose', place) : oneOfWords(['strict'])(value, place);
const evaluate = shape({ keyword: 'evaluate', what: 'an "evaluate"', fields: { language, mode } });

const root = shape({
  keyword: (member) => member,
  what: 'the workflow',
  fields: {
    document: documentCheck,
    input: filter('input', VARIABLES.workflowInput),
    use,
    do: taskList,
    timeout: (value, place) => timeoutOrReference(value, place.with({ variables: VARIABLES.workflowInput })),
    output: filter('output', VARIABLES.workflowOutput),
    schedule,
    evaluate,
  },
  required: ['document', 'do'],
});

export function checkDocument(value: unknown, place: Place): void {
  root(value, place);
}
