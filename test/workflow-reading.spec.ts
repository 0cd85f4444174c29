import {
  agentsOf,
  compileSchema,
  durationMs,
  expressionsOf,
  namedItem,
  nextCronTime,
  secretsOf,
  taskAt,
  TASK_KINDS,
  taskKindOf,
  tasksOf,
  workflowsOf,
} from '@app/dsl';
import { describe, expect, test } from 'vitest';
import { definitionOf, exampleTexts, withTasks } from './support/workflows.js';

const example = (file: string): ReturnType<typeof definitionOf> => definitionOf(exampleTexts.get(file) ?? '');

describe('the expressions of a definition', () => {
  const found = (tasks: object[], others: object = {}): unknown =>
    expressionsOf(definitionOf(withTasks(tasks, others))).map(({ path, expression, variables }) => [
      path,
      expression,
      variables.toSorted().join(' '),
    ]);
  const inTask = 'authorization context input runtime secrets task workflow';

  test('are found with what they may refer to, wherever they stand', () => {
    const task = {
      if: '.a',
      input: { from: '${ .b }' },
      set: { c: '${ .c }' },
      output: { as: '.d' },
      export: { as: { e: '${ .e }' } },
    };
    expect(found([{ t: task }], { input: { from: '.in' }, output: { as: { out: '${.out}' } } })).toEqual([
      ['/input/from', '.in', 'runtime secrets workflow'],
      ['/output/as/out', '.out', 'context runtime secrets workflow'],
      ['/do/0/t/if', '.a', 'context input runtime secrets task workflow'],
      ['/do/0/t/input/from', '.b', 'context runtime secrets task workflow'],
      ['/do/0/t/set/c', '.c', inTask],
      ['/do/0/t/output/as', '.d', inTask],
      ['/do/0/t/export/as/e', '.e', 'authorization context input output runtime secrets task workflow'],
    ]);
  });

  test('of a loop know its variables, of a catch the error, and neither outside of it', () => {
    const tasks = [
      {
        loop: {
          for: { each: 'one', in: '.all' },
          while: '$one',
          do: [{ inner: { set: { x: '${ $index }' } } }],
          output: { as: '.o' },
        },
      },
      {
        guarded: {
          try: [{ risky: { set: '.r' } }],
          catch: { as: 'oops', when: '$oops', do: [{ mend: { set: { m: '${ $oops }' } } }] },
        },
      },
    ];
    expect(found(tasks)).toEqual([
      ['/do/0/loop/for/in', '.all', inTask],
      ['/do/0/loop/while', '$one', 'authorization context index input one runtime secrets task workflow'],
      ['/do/0/loop/do/0/inner/set/x', '$index', 'authorization context index input one runtime secrets task workflow'],
      ['/do/0/loop/output/as', '.o', inTask],
      ['/do/1/guarded/try/0/risky/set', '.r', inTask],
      ['/do/1/guarded/catch/when', '$oops', 'authorization context input oops runtime secrets task workflow'],
      [
        '/do/1/guarded/catch/do/0/mend/set/m',
        '$oops',
        'authorization context input oops runtime secrets task workflow',
      ],
    ]);
  });
});

describe('what a definition needs', () => {
  test('are its agents, where it names them', () => {
    expect(agentsOf(example('call-agent.yaml'))).toEqual([{ path: '/do/0/ask/with', agent: 'echo', skill: 'echo' }]);
  });
  test('are the workflows that it runs', () => {
    expect(workflowsOf(example('run-workflow.yaml'))).toEqual([
      { path: '/do/0/child/run/workflow', namespace: 'examples', name: 'whole-document', version: '1.2.0-beta.1' },
      { path: '/do/1/apart/run/workflow', namespace: 'examples', name: 'wait', version: 'latest' },
    ]);
  });
  test('are its secrets', () => {
    expect([secretsOf(example('reuse.yaml')), secretsOf(example('wait.yaml'))]).toEqual([['shopToken'], []]);
  });
});

describe('tasks are found by pointer', () => {
  const definition = definitionOf(
    withTasks(
      [
        { 'a/b~c': { do: [{ inner: { set: { call: 'x' } } }] } },
        { guarded: { try: [{ risky: { wait: 'PT1S' } }], catch: { do: [{ mend: { set: { x: 1 } } }] } } },
        { both: { fork: { branches: [{ ask: { set: { x: 2 } } }] } } },
        { paid: { set: { x: 1 }, metadata: { compensate: [{ refund: { set: { x: 3 } } }] } } },
      ],
      { use: { functions: { f: { do: [{ g: { wait: 'PT2S' } }] } } } },
    ),
  );

  test('each of them, in the order of the document', () => {
    const all = [...tasksOf(definition)];
    expect(all.map(({ pointer }) => pointer)).toEqual([
      '/do/0/a~1b~0c',
      '/do/0/a~1b~0c/do/0/inner',
      '/do/1/guarded',
      '/do/1/guarded/try/0/risky',
      '/do/1/guarded/catch/do/0/mend',
      '/do/2/both',
      '/do/2/both/fork/branches/0/ask',
      '/do/3/paid',
      '/do/3/paid/metadata/compensate/0/refund',
      '/use/functions/f',
      '/use/functions/f/do/0/g',
    ]);
    expect(all.filter(({ pointer, task }) => taskAt(definition, pointer) !== task)).toEqual([]);
  });

  test.each([
    '',
    '/',
    '/do',
    '/do/0',
    '/do/9/x',
    '/do/00/a~1b~0c',
    '/do/0/other',
    '/do/0/a~1b~0c/do/0/inner/set',
    '/use/functions',
    '/use/functions/toString',
    '/do/1/guarded/catch',
    '/input',
  ])('and none by %s', (pointer) => expect(taskAt(definition, pointer)).toBeUndefined());

  test('an item of a list has a name, a task and a pointer', () => {
    const tasks = [{ 'a/b': { wait: 'PT1S' } }];
    expect(namedItem(tasks, 0, '/do')).toEqual({ name: 'a/b', task: { wait: 'PT1S' }, pointer: '/do/0/a~1b' });
    expect(namedItem(tasks, 1)).toBeUndefined();
  });

  test('and each has its kind', () => {
    const kinds = [...exampleTexts.keys()].flatMap((file) =>
      [...tasksOf(example(file))].map(({ task }) => taskKindOf(task)),
    );
    expect([...new Set(kinds)].toSorted()).toEqual([...TASK_KINDS]);
    expect(() => taskKindOf({} as never)).toThrow('The task does not say what to do.');
  });
});

describe('durations', () => {
  test.each([
    ['PT15M', 900_000],
    ['P1W', 604_800_000],
    ['P1DT2H3M4.5S', 93_784_500],
    ['PT0.0006S', 1],
    [{ days: 1, hours: 1, minutes: 1, seconds: 1, milliseconds: 1 }, 90_061_001],
  ])('%j are %i ms', (duration, ms) => expect(durationMs(duration)).toBe(ms));

  test.each(['P1M', 'P1Y', 'P', 'PT', '5s', '', '${ .x }', {}, { weeks: 1 }, { hours: 0.5 }, { days: 3661 }])(
    '%j is none',
    (duration) =>
      expect(() => durationMs(duration as never)).toThrow(expect.objectContaining({ code: 'invalid' }) as Error),
  );
});

describe('schedules by cron', () => {
  test('fire on the clock of their time zone, over the changes to and from summer time', () => {
    const times = (from: string): (string | undefined)[] => {
      const first = nextCronTime('30 2 * * *', 'Europe/Berlin', new Date(from));
      return [first, nextCronTime('30 2 * * *', 'Europe/Berlin', first ?? new Date(0))].map((time) =>
        time?.toISOString(),
      );
    };
    // 2027-03-28 has no 02:30 in Berlin: it fires when the clock is put forward. 2027-10-31 has it twice.
    expect(times('2027-03-27T12:00:00Z')).toEqual(['2027-03-28T01:00:00.000Z', '2027-03-29T00:30:00.000Z']);
    expect(times('2027-10-30T12:00:00Z')).toEqual(['2027-10-31T00:30:00.000Z', '2027-11-01T01:30:00.000Z']);
  });
});

describe('schemas of data', () => {
  test('are compiled again under the same $id, without fetching anything', () => {
    const schema = { $id: 'https://example.com/a.json', type: 'object', required: ['a'] };
    const answers = [compileSchema({ ...schema }), compileSchema({ ...schema })].map((check) => [
      check({ a: 1 }),
      check({}),
    ]);
    expect(answers).toEqual([
      [true, false],
      [true, false],
    ]);
    expect(() => compileSchema({ $ref: 'https://example.com/b.json' })).toThrow("can't resolve reference");
    expect(() => compileSchema({ $async: true })).toThrow('"$async" is not supported');
  });
});
