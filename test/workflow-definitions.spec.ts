import { readFileSync } from 'node:fs';
import { KEYWORDS, keywordsOf, keywordsPage, LIMITS, readDefinition } from '@app/dsl';
import { validate } from '@serverlessworkflow/sdk';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { definitionOf, exampleTexts, withTasks } from './support/workflows.js';

interface Bad {
  readonly name: string;
  readonly definition: string;
  readonly problems: readonly object[];
}
interface Reference {
  readonly name: string;
  readonly do: string;
  readonly use?: string;
  readonly schedule?: string;
  readonly refused?: readonly [path: string, message: string];
}
const bad = parse(readFileSync('test/support/bad-definitions.yaml', 'utf8')) as Bad[];
const reference = parse(readFileSync('test/support/reference-definitions.yaml', 'utf8')) as Reference[];

const setTask = (name: string): object => ({ [name]: { set: { x: 1 } } });

describe('a bad definition is told exactly what is wrong with it', () => {
  test('of which there are enough', () => expect(bad.length).toBeGreaterThan(120));

  test.each(bad)('$name', ({ definition, problems }) => {
    expect(readDefinition(definition)).toEqual({ problems });
  });

  test('no more problems are listed than anybody reads, and that is said', () => {
    const { problems } = readDefinition(
      withTasks(Array.from({ length: 80 }, (_, i) => ({ [`t${i}`]: { wait: 'soon' } }))),
    );
    expect(problems).toHaveLength(LIMITS.problems + 1);
    expect(problems.at(-1)).toEqual({ path: '', message: 'There are more problems; only the first 50 are listed.' });
  });
});

describe('a definition has limits', () => {
  const nested = (levels: number): object =>
    levels === 0 ? setTask('leaf') : { [`l${levels}`]: { do: [nested(levels - 1)] } };
  const bombed = ['a: &a [x, x, x, x, x, x, x, x, x]']
    .concat(['b', 'c', 'd', 'e'].map((name, i) => `${name}: &${name} [${`*${'abcd'[i]}, `.repeat(9)}]`))
    .join('\n');

  test.each<[string, string | object, string]>([
    ['its size', `# ${'x'.repeat(LIMITS.sourceBytes)}`, 'The definition has 262146 bytes; at most 262144 are allowed.'],
    ['aliases', bombed, 'The definition uses YAML aliases too often; at most 100 uses are allowed.'],
    ['depth of text', '['.repeat(50_000), 'The definition is nested too deep; at most 100 levels are allowed.'],
    [
      'depth of data',
      JSON.parse('['.repeat(200) + ']'.repeat(200)) as object,
      'The definition is nested too deep; at most 100 levels are allowed.',
    ],
    [
      'tasks',
      withTasks(Array.from({ length: 501 }, (_, i) => setTask(`t${i}`))),
      'There are too many tasks; at most 500 are allowed in one definition.',
    ],
    [
      'task lists inside each other',
      withTasks([nested(20)]),
      'Tasks are nested too deep; at most 20 lists may stand inside each other.',
    ],
    [
      'branches',
      withTasks([{ a: { fork: { branches: Array.from({ length: 51 }, (_, i) => setTask(`b${i}`)) } } }]),
      'Expected at most 50 branches, but found 51.',
    ],
    [
      'an expression',
      withTasks([{ a: { set: { x: `\${ "${'x'.repeat(9000)}" }` } } }]),
      'The expression is too long; at most 8192 characters are allowed.',
    ],
  ])('of %s', (_, source, message) => {
    expect(readDefinition(source).problems).toEqual([expect.objectContaining({ message })]);
  });

  test('and reaches them', () => {
    expect(readDefinition(withTasks(Array.from({ length: 500 }, (_, i) => setTask(`t${i}`)))).problems).toEqual([]);
    expect(readDefinition(withTasks([nested(19)])).problems).toEqual([]);
  });

  test('what is no data is told so', () => {
    const ring: Record<string, unknown> = {};
    ring.self = ring;
    const message = 'The definition is not JSON data: it holds what JSON cannot say, or refers to itself.';
    expect([readDefinition(ring).problems, readDefinition({ a: 1n }).problems]).toEqual([
      [{ path: '', message }],
      [{ path: '', message }],
    ]);
    expect(readDefinition(JSON.parse('{ "do": [{ "__proto__": {} }] }') as object).problems).toEqual([
      { path: '/do/0', message: 'The name "__proto__" is not allowed.' },
    ]);
  });
});

describe('the examples of the reference', () => {
  test.each(reference)('$name', ({ do: tasks, use = 'null', schedule = 'null', refused }) => {
    const parts = { use: parse(use) as unknown, schedule: parse(schedule) as unknown };
    const present = Object.fromEntries(Object.entries(parts).filter(([, part]) => part !== null));
    const { problems } = readDefinition(withTasks(parse(tasks), present));
    expect(problems.map(({ path, message }) => [path, message])).toEqual(refused ? [refused] : []);
  });
});

describe('each version of the language', () => {
  test.each(['1.0.0', '1.0.1', '1.0.2', '1.0.3'])('%s is read as 1.0.3', (dsl) => {
    const source = { ...withTasks([setTask('a')]), document: { dsl, namespace: 'n', name: 'w', version: '1.0.0' } };
    expect(definitionOf(source).document.dsl).toBe('1.0.3');
  });

  test('what a definition leaves out but means is filled in, and data is left alone', () => {
    const run = { workflow: { namespace: 'n', name: 'w' } };
    const definition = definitionOf(withTasks([{ a: { run } }, { b: { set: { run } } }]));
    expect(definition.do).toEqual([
      { a: { run: { workflow: { namespace: 'n', name: 'w', version: 'latest' } } } },
      { b: { set: { run } } },
    ]);
  });
});

describe('the table of keywords', () => {
  const used = new Map([...exampleTexts].map(([file, text]) => [file, keywordsOf(definitionOf(text))]));

  test('names for each supported keyword an example that uses it', () => {
    const unused = KEYWORDS.filter(({ keyword, test: file }) => file !== undefined && !used.get(file)?.has(keyword));
    expect(unused).toEqual([]);
  });

  test('has each keyword once, and says of each refused one what to use instead', () => {
    expect(new Set(KEYWORDS.map(({ keyword }) => keyword)).size).toBe(KEYWORDS.length);
    expect(KEYWORDS.filter(({ test: file, instead }) => file === undefined && instead === undefined)).toEqual([]);
  });

  test('is what docs/workflow-keywords.md shows', () => {
    expect(readFileSync('docs/workflow-keywords.md', 'utf8')).toBe(keywordsPage());
  });

  test.each([...exampleTexts])('the schema of the DSL accepts %s', (_, text) => {
    expect(() => validate('Workflow', definitionOf(text) as never)).not.toThrow();
  });
});
