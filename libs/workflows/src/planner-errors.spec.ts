import { Expressions } from '@app/expressions';
import { afterAll, describe, expect, test } from 'vitest';
import type { Outcome } from './plan.js';
import { type Outside, simulated, type Simulation } from './planner.spec-run.js';

const expressions = new Expressions();
afterAll(() => expressions.onApplicationShutdown());

const ERRORS = 'https://serverlessworkflow.io/spec/1.0.0/errors/';
const run = (tasks: unknown, rest: Omit<Simulation, 'tasks'> = {}) => simulated(expressions, { tasks, ...rest });
const TYPE = 'https://example.com/errors/no';
const fail = (more: object = {}) => ({ f: { raise: { error: { type: TYPE, status: 409, title: 'No', ...more } } } });
const call = { call: 'http', with: { method: 'get', endpoint: 'https://example.com/' } };
/** Fails so many times, then gives `ok`. */
const flaky = (times: number): Outside => {
  let failed = 0;
  const problem = { type: `${ERRORS}communication`, status: 503, title: 'No' };
  return (): Outcome => (failed++ < times ? { kind: 'problem', problem } : { kind: 'output', output: 'ok' });
};
const caught = { do: [{ c: { set: { caught: true } } }] };

describe('what is caught', () => {
  test.each<[string, object, boolean]>([
    ['everything', {}, true],
    ['its type', { errors: { with: { type: TYPE } } }, true],
    ['another type', { errors: { with: { type: `${TYPE}t` } } }, false],
    ['its status', { errors: { with: { status: 409 } } }, true],
    ['another status', { errors: { with: { status: 408 } } }, false],
    ['its instance', { errors: { with: { instance: '/do/0/g/try/0/f' } } }, true],
    ['another instance', { errors: { with: { instance: '/do/0/g' } } }, false],
    ['its title', { errors: { with: { title: 'No' } } }, true],
    ['its detail', { errors: { with: { detail: 'why' } } }, true],
    ['details, as the schema calls it', { errors: { with: { details: 'why' } } }, true],
    ['other details', { errors: { with: { details: 'because' } } }, false],
    ['an expression', { errors: { with: { title: '${ .wanted }' } } }, true],
    ['when', { when: '$error.status == 409' }, true],
    ['when not', { when: '$error.status == 500' }, false],
    ['exceptWhen', { exceptWhen: '$error.status == 409' }, false],
    ['as', { as: 'why', when: '$why.title == "No"' }, true],
  ])('%s', async (_, rule, isCaught) => {
    const tasks = [{ g: { try: [fail({ detail: 'why' })], catch: { ...rule, ...caught } } }];
    const { output, problem } = await run(tasks, { input: { wanted: 'No' } });
    expect([output, problem?.status]).toEqual(isCaught ? [{ caught: true }, undefined] : [undefined, 409]);
  });

  test('without anything to do, the try gives what it got', async () => {
    expect(await run([{ g: { try: [fail()], catch: {} } }], { input: { x: 1 } })).toMatchObject({ output: { x: 1 } });
  });

  test('a catch does not catch its own errors, but one around it does', async () => {
    const inner = {
      i: { try: [fail()], catch: { do: [{ again: { raise: { error: { type: TYPE, status: 410 } } } }] } },
    };
    const { output, told } = await run([
      {
        o: {
          try: [inner],
          catch: { do: [{ s: { set: { status: '${ $error.status }', at: '${ $error.instance }' } } }] },
        },
      },
    ]);
    expect(output).toEqual({ status: 410, at: '/do/0/o/try/0/i/catch/do/0/again' });
    expect(told).toEqual([
      'started /do/0/o',
      'started /do/0/o/try/0/i',
      'started /do/0/o/try/0/i/try/0/f',
      'faulted /do/0/o/try/0/i/try/0/f',
      'started /do/0/o/try/0/i/catch/do/0/again',
      'faulted /do/0/o/try/0/i/catch/do/0/again',
      'faulted /do/0/o/try/0/i',
      'started /do/0/o/catch/do/0/s',
      'completed /do/0/o/catch/do/0/s',
      'completed /do/0/o',
    ]);
  });

  test('a catch that cannot be evaluated is an error itself', async () => {
    const { problem } = await run([{ g: { try: [fail()], catch: { when: '.x | error' } } }], { input: { x: 'no' } });
    expect(problem).toMatchObject({ type: `${ERRORS}expression`, instance: '/do/0/g' });
  });

  test('an error is raised by reference, and filled in', async () => {
    const use = { errors: { sorry: { type: TYPE, status: 503, title: '${ "No \\(.what)" }' } } };
    expect(
      await run([{ r: { raise: { error: 'sorry' } } }], { more: { use }, input: { what: 'rooms' } }),
    ).toMatchObject({
      problem: { type: TYPE, status: 503, title: 'No rooms', instance: '/do/0/r' },
    });
  });

  test('what was done is undone later in the order in which it was done', async () => {
    const done = (name: string) => ({
      [name]: { set: { by: name }, metadata: { compensate: [{ u: { set: { x: 1 } } }] } },
    });
    const { undo } = await run([
      done('a'),
      { d: { do: [done('b')], metadata: { compensate: [{ u: { set: { x: 1 } } }] } } },
      fail(),
    ]);
    expect(undo.map(({ task, output }) => [task, output])).toEqual([
      ['/do/0/a', { by: 'a' }],
      ['/do/1/d/do/0/b', { by: 'b' }],
      ['/do/1/d', { by: 'b' }],
    ]);
  });
});

describe('another attempt', () => {
  const delay = { milliseconds: 100 };
  test.each<[string, object, number, number[]]>([
    ['at once', { limit: { attempt: { count: 3 } } }, 3, [0, 0, 0, 0]],
    ['after the same time', { delay, limit: { attempt: { count: 3 } } }, 3, [0, 100, 200, 300]],
    ['constant', { delay, backoff: { constant: {} } }, 3, [0, 100, 200, 300]],
    ['linear', { delay, backoff: { linear: { increment: { milliseconds: 10 } } } }, 3, [0, 100, 210, 330]],
    ['linear by itself', { delay, backoff: { linear: {} } }, 3, [0, 100, 300, 600]],
    ['exponential', { delay, backoff: { exponential: {} } }, 3, [0, 100, 300, 700]],
    ['exponential by three', { delay, backoff: { exponential: { multiplier: 3 } } }, 3, [0, 100, 400, 1300]],
    ['with jitter', { delay, jitter: { from: { milliseconds: 10 }, to: { milliseconds: 30 } } }, 2, [0, 120, 240]],
  ])('%s', async (_, retry, failures, times) => {
    const { output, asked } = await run([{ g: { try: [{ c: call }], catch: { retry } } }], {
      outside: flaky(failures),
      random: 0.5,
    });
    expect(output).toBe('ok');
    expect(asked.filter(({ leaf }) => leaf.effect.kind === 'call').map(({ at }) => at)).toEqual(times);
  });

  test.each<[string, object, number]>([
    ['so many', { limit: { attempt: { count: 2 } } }, 3],
    ['so long', { delay, limit: { duration: { milliseconds: 250 } } }, 3],
    ['while it is worth it', { when: '$error.status == 500' }, 1],
    ['unless it is not', { exceptWhen: '$error.status == 503' }, 1],
  ])('%s, then it is an error', async (_, retry, attempts) => {
    const { problem, asked } = await run([{ g: { try: [{ c: call }], catch: { retry } } }], { outside: flaky(99) });
    expect(problem).toMatchObject({ status: 503, instance: '/do/0/g/try/0/c' });
    expect(asked.filter(({ leaf }) => leaf.effect.kind === 'call')).toHaveLength(attempts);
  });

  test('or what is done instead, with the policy of a name', async () => {
    const use = { retries: { twice: { limit: { attempt: { count: 1 } } } } };
    const tasks = [{ g: { try: [{ c: call }], catch: { retry: 'twice', ...caught } } }];
    expect(await run(tasks, { outside: flaky(99), more: { use } })).toMatchObject({ output: { caught: true } });
  });

  test('may take only so long itself, and the time-out of an attempt is caught like any error', async () => {
    const retry = { delay, limit: { attempt: { count: 1, duration: { seconds: 1 } } } };
    const tasks = [{ g: { try: [{ d: { do: [{ c: call }] } }], catch: { retry, ...caught } } }];
    const { output, told, tookMs } = await run(tasks, { outside: () => undefined });
    expect([output, tookMs]).toEqual([{ caught: true }, 2_100]);
    expect(told.slice(0, 6)).toEqual([
      'started /do/0/g',
      'started /do/0/g/try/0/d',
      'started /do/0/g/try/0/d/do/0/c',
      'cancelled /do/0/g/try/0/d/do/0/c',
      'cancelled /do/0/g/try/0/d',
      'retried /do/0/g',
    ]);
  });
});

describe('time-outs', () => {
  const timeout = { after: { seconds: 1 } };
  const long = { w: { wait: 'PT1H' } };
  test.each<[string, unknown, object, string]>([
    ['of a task', { t: { wait: 'PT1H', timeout } }, {}, '/do/0/t'],
    ['of a call', { t: { ...call, timeout } }, {}, '/do/0/t'],
    ['of a list', { t: { do: [long], timeout } }, {}, '/do/0/t'],
    ['of a try', { t: { try: [long], catch: caught, timeout } }, {}, '/do/0/t'],
    ['of a loop', { t: { for: { in: '[1]' }, do: [long], timeout } }, {}, '/do/0/t'],
    ['of a fork', { t: { fork: { branches: [long] }, timeout } }, {}, '/do/0/t'],
    ['of the workflow', { t: { do: [long] } }, { timeout }, '/'],
    ['by name', { t: { wait: 'PT1H', timeout: 'short' } }, { use: { timeouts: { short: timeout } } }, '/do/0/t'],
    ['by expression', { t: { wait: 'PT1H', timeout: { after: '${ .limit }' } } }, {}, '/do/0/t'],
  ])('%s', async (_, task, more, instance) => {
    const { problem, tookMs } = await run([task], { more, input: { limit: 'PT1S' }, outside: () => undefined });
    expect(problem).toMatchObject({ type: `${ERRORS}timeout`, status: 408, instance });
    expect(tookMs).toBe(1_000);
  });

  test('are caught around the task', async () => {
    const tasks = [
      { g: { try: [{ t: { wait: 'PT1H', timeout } }], catch: { errors: { with: { status: 408 } }, ...caught } } },
    ];
    expect(await run(tasks)).toMatchObject({ output: { caught: true } });
  });
});

describe('branches', () => {
  const set = (name: string) => ({ [name]: { set: { by: name } } });
  const slow = (name: string, ms: number) => ({ [name]: { do: [{ w: { wait: { milliseconds: ms } } }, set(name)] } });
  const bad = (name: string) => ({ [name]: { do: [{ w: { wait: { milliseconds: 5 } } }, fail()] } });
  const fork = (branches: unknown[], compete = false) => ({ f: { fork: { branches, compete } } });
  test.each<[string, unknown, object]>([
    ['are joined in their order', fork([slow('a', 20), set('b')]), { output: [{ by: 'a' }, { by: 'b' }] }],
    ['compete', fork([slow('a', 20), slow('b', 10)], true), { output: { by: 'b' } }],
    ['compete, though one fails', fork([bad('a'), slow('b', 10)], true), { output: { by: 'b' } }],
    [
      'compete, and all fail',
      fork([bad('a'), bad('b')], true),
      { problem: { status: 409, instance: '/do/0/f/fork/branches/1/b/do/1/f' } },
    ],
    [
      'one fails',
      fork([slow('a', 20), bad('b')]),
      { problem: { status: 409, instance: '/do/0/f/fork/branches/1/b/do/1/f' } },
    ],
    [
      'within branches',
      fork([{ a: { fork: { branches: [set('x'), set('y')] } } }, set('b')]),
      { output: [[{ by: 'x' }, { by: 'y' }], { by: 'b' }] },
    ],
    ['end the run', fork([slow('a', 20), { b: { set: { by: 'b' }, then: 'end' } }]), { output: { by: 'b' } }],
    [
      'see the loop around them',
      { l: { for: { in: '[7]', each: 'n' }, do: [fork([{ a: { set: { n: '${ $n }' } } }])] } },
      { output: [{ n: 7 }] },
    ],
  ])('%s', async (_, task, expected) => {
    expect(await run([task])).toMatchObject(expected);
  });

  test('that lost are told to be cancelled, innermost first', async () => {
    const { told } = await run([fork([slow('a', 20), set('b')], true)]);
    expect(told.slice(-4)).toEqual([
      'completed /do/0/f/fork/branches/1/b',
      'completed /do/0/f',
      'cancelled /do/0/f/fork/branches/0/a/do/0/w',
      'cancelled /do/0/f/fork/branches/0/a',
    ]);
  });
});

describe('functions', () => {
  const functions = {
    greet: { set: { text: '${ "Hello \\(.who)" }' }, output: { as: '.text' } },
    twice: { do: [{ a: { call: 'greet', with: { who: '${ .who }' } } }, { b: { set: '${ { both: . } }' } }] },
    bad: fail().f,
    ask: call,
  };
  const more = { use: { functions, secrets: ['key'] } };
  test.each<[string, object, object]>([
    ['get their arguments', { call: 'greet', with: { who: '${ .name }' } }, { output: 'Hello Ada' }],
    ['get the input without', { call: 'greet', input: { from: '{ who: .name }' } }, { output: 'Hello Ada' }],
    ['call each other', { call: 'twice', with: { who: 'you' } }, { output: { both: 'Hello you' } }],
    ['fail where they stand', { call: 'bad' }, { problem: { status: 409, instance: '/use/functions/bad' } }],
  ])('%s', async (_, task, expected) => {
    expect(await run([{ t: task }], { more, input: { name: 'Ada' } })).toMatchObject(expected);
  });

  test('are called at most once when their call says so', async () => {
    const tasks = [{ t: { call: 'ask', metadata: { atMostOnce: true } } }];
    const { asked } = await run(tasks, { more, outside: flaky(0) });
    expect(asked[0]?.leaf.effect).toMatchObject({ kind: 'call', atMostOnce: true });
  });

  test('an argument that reads a secret stays an expression', async () => {
    const headers = { a: '${ "Bearer \\($secrets.key)" }', b: '${ .b }' };
    const tasks = [{ t: { ...call, with: { ...call.with, headers } } }];
    const { asked } = await run(tasks, {
      more,
      secrets: { key: 'tell-nobody' },
      input: { b: '${ $secrets.key }' },
      outside: flaky(0),
    });
    expect(asked[0]?.leaf.effect).toMatchObject({
      with: { headers: { a: null, b: '${ $secrets.key }' } },
      secret: [{ path: ['headers', 'a'], expression: headers.a }],
    });
    expect(JSON.stringify(asked)).not.toContain('tell-nobody');
  });
});
