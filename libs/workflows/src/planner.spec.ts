import { Expressions } from '@app/expressions';
import { afterAll, describe, expect, test } from 'vitest';
import { simulated, type Simulation } from './planner.spec-run.js';

const expressions = new Expressions();
afterAll(() => expressions.onApplicationShutdown());

const ERRORS = 'https://serverlessworkflow.io/spec/1.0.0/errors/';
const run = (tasks: unknown, rest: Omit<Simulation, 'tasks'> = {}) => simulated(expressions, { tasks, ...rest });

const note = (name: string, more: object = {}) => ({
  [name]: { set: { seen: `\${ (.seen // []) + ["${name}"] }` }, ...more },
});
const seen = (...names: string[]) => ({ seen: names });
const fail = (status = 500, more: object = {}) => ({
  raise: { error: { type: 'https://example.com/errors/no', status, title: 'No', ...more } },
});
describe('the lifecycle of a task', () => {
  test.each<[string, unknown, object, unknown]>([
    ['no data flow', { t: { set: { a: '${ .x }' } } }, { x: 1 }, { a: 1 }],
    ['set is an expression', { t: { set: '${ { b: .x } }' } }, { x: 1 }, { b: 1 }],
    ['input.from', { t: { input: { from: '.x' }, set: { a: '${ . }', i: '${ $input }' } } }, { x: 2 }, { a: 2, i: 2 }],
    ['input.from of null', { t: { input: { from: '.none' }, set: { i: '${ $input }' } } }, { x: 2 }, { i: null }],
    [
      'input.from is an object',
      { t: { input: { from: { y: '${ .x }' } }, set: { a: '${ .y }' } } },
      { x: 3 },
      { a: 3 },
    ],
    ['output.as', { t: { set: { a: 1 }, output: { as: '{ o: .a, i: $input.x }' } } }, { x: 4 }, { o: 1, i: 4 }],
    ['if is true', { t: { if: '.x == 5', set: { a: 1 } } }, { x: 5 }, { a: 1 }],
    ['if is false', { t: { if: '${ .x == 6 }', set: { a: 1 } } }, { x: 5 }, { x: 5 }],
    ['if is null', { t: { if: '.none', set: { a: 1 } } }, { x: 5 }, { x: 5 }],
    [
      '$task',
      {
        t: { input: { from: '.x' }, set: { t: '${ $task | [.name, .reference, .input, .definition.set.t == null] }' } },
      },
      { x: 1 },
      { t: ['t', '/do/0/t', { x: 1 }, false] },
    ],
    ['$task.output', { t: { set: { a: 1 }, output: { as: '$task.output' } } }, {}, { a: 1 }],
    [
      '$workflow',
      {
        t: {
          set: {
            w: '${ $workflow | [.id, .input, .definition.document.name, .startedAt.iso8601, .startedAt.epoch.seconds] }',
          },
        },
      },
      { x: 1 },
      { w: ['run', { x: 1 }, 'one', '2030-01-01T00:00:00.000Z', 1893456000] },
    ],
    ['$runtime', { t: { set: { n: '${ $runtime | [.name, .version] }' } } }, {}, { n: ['a2a-mcp-server', '2.3.4'] }],
  ])('%s', async (_, task, input, output) => {
    expect(await run([task], { input })).toMatchObject({ output });
  });

  test('export changes the context of the tasks after it, not the data', async () => {
    const tasks = [
      { a: { set: { n: 1 }, export: { as: '{ kept: $output.n }' } } },
      { b: { set: { n: '${ .n }', kept: '${ $context.kept }' } } },
    ];
    expect(await run(tasks)).toMatchObject({ output: { n: 1, kept: 1 }, context: { kept: 1 } });
  });

  test('the input of the workflow is transformed once, from what it was given', async () => {
    const tasks = [{ a: { set: { now: '${ . }', given: '${ $workflow.input }' } } }];
    expect(await run(tasks, { more: { input: { from: '{ x: (.x + 1) }' } }, input: { x: 1 } })).toMatchObject({
      output: { now: { x: 2 }, given: { x: 1 } },
    });
  });

  const shapes = (of: string) => ({ [of]: { schema: { document: { type: 'object', required: ['must'] } } } });
  test.each(['input', 'output'])('%s that does not fit its schema is an error of validation', async (of) => {
    const { problem } = await run([{ t: { set: { a: 1 }, ...shapes(of) } }], { input: { x: 1 } });
    expect(problem).toMatchObject({ type: `${ERRORS}validation`, status: 400, instance: '/do/0/t' });
  });

  test.each<[string, object]>([
    ['if', { if: '.x | error' }],
    ['input', { input: { from: '.x | error' } }],
    ['output', { output: { as: '.a | error' } }],
    ['export', { export: { as: '.a | error' } }],
    ['set', { set: { a: '${ .x | error }' } }],
    ['timeout', { timeout: { after: '${ .x }' } }],
    ['wait', { wait: '${ .x }', set: undefined }],
  ])('a bad expression of %s is an error of the task, which ends once', async (_, parts) => {
    const task = JSON.parse(JSON.stringify({ set: { a: 1 }, ...parts })) as object;
    const { problem, told } = await run([{ t: task }], { input: { x: 'no' } });
    expect(problem).toMatchObject({ type: `${ERRORS}expression`, status: 400, instance: '/do/0/t' });
    expect(told).toEqual(['started /do/0/t', 'faulted /do/0/t']);
  });
});

describe('where it goes on', () => {
  const inner = (then: string) => [note('a', { then }), note('b')];
  test.each<[string, unknown[], string[]]>([
    ['the next', [note('a'), note('b')], ['a', 'b']],
    ['continue', [note('a', { then: 'continue' }), note('b')], ['a', 'b']],
    ['a name', [note('a', { then: 'c' }), note('b', { then: 'end' }), note('c', { then: 'b' })], ['a', 'c', 'b']],
    ['end', [note('a', { then: 'end' }), note('b')], ['a']],
    ['exit of the workflow', [note('a', { then: 'exit' }), note('b')], ['a']],
    ['exit of do', [{ in: { do: inner('exit') } }, note('z')], ['a', 'z']],
    ['end in do', [{ in: { do: inner('end') } }, note('z')], ['a']],
    ['a name in do', [{ in: { do: [note('a', { then: 'c' }), note('b'), note('c')] } }, note('z')], ['a', 'c', 'z']],
    ['exit of try', [{ in: { try: inner('exit'), catch: {} } }, note('z')], ['a', 'z']],
    ['exit of an iteration', [{ in: { for: { in: '[1, 2]' }, do: inner('exit') } }, note('z')], ['a', 'a', 'z']],
    ['end in an iteration', [{ in: { for: { in: '[1, 2]' }, do: inner('end') } }, note('z')], ['a']],
    ['exit of catch', [{ in: { try: [{ f: fail() }], catch: { do: inner('exit') } } }, note('z')], ['a', 'z']],
    ['then of a do', [{ in: { do: [note('a')], then: 'z' } }, note('b'), note('z')], ['a', 'z']],
    ['a skipped task goes on to the next', [note('a', { if: 'false', then: 'end' }), note('b')], ['b']],
  ])('%s', async (_, tasks, names) => {
    expect(await run(tasks)).toMatchObject({ output: seen(...names) });
  });

  const route = (more: object = {}) => [
    {
      s: {
        switch: [{ one: { when: '.n == 1', then: 'b' } }, { two: { when: '${ .n == 2 }', then: 'exit' } }],
        ...more,
      },
    },
    note('a'),
    note('b'),
  ];
  test.each<[number, object, string[]]>([
    [1, {}, ['b']],
    [2, {}, []],
    [3, {}, ['a', 'b']],
    [3, { then: 'end' }, []],
  ])('switch on %i with %j', async (n, more, names) => {
    const { output } = await run(route(more), { input: { n } });
    expect(output).toEqual({ ...(names.length > 0 ? seen(...names) : { n }) });
  });
});

describe('loops', () => {
  const collect = { c: { set: { got: '${ (.got // []) + [[$item, $index]] }' } } };
  test.each<[string, unknown, unknown]>([
    [
      'each and at by default',
      { for: { in: '.l' }, do: [collect] },
      {
        got: [
          ['x', 0],
          ['y', 1],
        ],
      },
    ],
    ['nothing to go over', { for: { in: '[]' }, do: [collect] }, { l: ['x', 'y'] }],
    ['while', { for: { in: '.l' }, while: '.got == null', do: [collect] }, { got: [['x', 0]] }],
    ['while false at once', { for: { in: '.l' }, while: 'false', do: [collect] }, { l: ['x', 'y'] }],
    [
      'a loop in a loop',
      {
        for: { in: '.l', each: 'a' },
        do: [
          {
            b: {
              for: { in: '[1]', each: 'b', at: 'j' },
              do: [{ s: { set: { ab: '${ (.ab // "") + $a + "\\($b)\\($index)\\($j)" }' } } }],
            },
          },
        ],
      },
      { ab: 'x100y110' },
    ],
  ])('%s', async (_, loop, output) => {
    expect(await run([{ loop }], { input: { l: ['x', 'y'] } })).toMatchObject({ output });
  });

  test.each<[string, object]>([
    ['in', { for: { in: '.none' }, do: [collect] }],
    ['while', { for: { in: '[1]' }, while: '.l | error', do: [collect] }],
    ['a later while', { for: { in: '[1, 2]' }, while: '.got == null or (.got | error)', do: [collect] }],
  ])('a bad %s is an error of the loop, which ends once', async (_, loop) => {
    const { problem, told } = await run([{ loop }], { input: { l: 'x' } });
    expect(problem).toMatchObject({ type: `${ERRORS}expression`, instance: '/do/0/loop' });
    expect(told.filter((one) => one.endsWith('/loop'))).toEqual(['started /do/0/loop', 'faulted /do/0/loop']);
  });

  test('a thread that never ends is ended, and nothing catches that', async () => {
    const tasks = [
      {
        g: {
          try: [note('a', { then: 'b', set: { x: 1 } }), note('b', { then: 'a', set: { x: 1 } })],
          catch: { retry: {} },
        },
      },
    ];
    expect(await run(tasks)).toMatchObject({ problem: { type: `${ERRORS}runtime`, status: 500 } });
  });
});
