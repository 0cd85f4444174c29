import { Expressions } from '@app/expressions';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import type { Leaf } from './frame.js';
import type { Outcome } from './plan.js';
import { type Simulated, simulated } from './planner.spec-run.js';

const expressions = new Expressions();
afterAll(() => expressions.onApplicationShutdown());

const type = 'https://example.com/errors/no';
const call = { call: 'http', with: { method: 'get', endpoint: 'https://example.com/' } };
const then = fc.constantFrom({}, {}, {}, { then: 'exit' }, { then: 'end' }, { then: 'continue' });
const limited = fc.constantFrom({}, {}, {}, { timeout: { after: 'PT5S' } });
const skipped = fc.constantFrom({}, {}, {}, { if: 'false' });

/** Tasks of every kind that the planner itself knows, inside of each other. */
const { list } = fc.letrec<{ task: object; list: object[] }>((tie) => ({
  task: fc
    .tuple(
      fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        fc.constantFrom<object>(
          { set: { x: 1 } },
          { wait: 'PT3S' },
          { raise: { error: { type, status: 409 } } },
          call,
          {
            call: 'fn',
          },
        ),
        tie('list').map((inner) => ({ do: inner })),
        tie('list').map((inner) => ({ for: { in: '[1, 2]' }, do: inner })),
        fc.tuple(tie('list'), tie('list'), fc.boolean(), fc.boolean()).map(([inner, mend, does, tries]) => ({
          try: inner,
          catch: {
            ...(does && { do: mend }),
            ...(tries && { retry: { delay: 'PT1S', limit: { attempt: { count: 2 } } } }),
          },
        })),
        fc.tuple(tie('list'), fc.boolean()).map(([inner, compete]) => ({ fork: { branches: inner, compete } })),
      ),
      then,
      limited,
      skipped,
    )
    .map((parts) => Object.assign({}, ...parts) as object),
  list: fc
    .array(tie('task'), { minLength: 1, maxLength: 3 })
    .map((tasks) => tasks.map((task, index) => ({ [`t${index}`]: task }))),
}));

/** What the outside says to a call depends on nothing but the call and the seed. */
const outside =
  (seed: number) =>
  ({ key }: Leaf): Outcome | undefined => {
    const kind = key.split('').reduce((sum, char) => sum * 31 + char.charCodeAt(0), seed) % 4;
    if (kind === 0) return undefined;
    return kind === 1 ? { kind: 'problem', problem: { type, status: 503 } } : { kind: 'output', output: { key } };
  };

const more = {
  timeout: { after: 'PT1H' },
  use: { functions: { fn: { do: [{ a: { set: { y: 1 } } }, { b: call }] } } },
};
const idOf = ({ task, key }: Simulated['events'][number]) => `${task} ${key}`;
const ENDS = ['completed', 'faulted', 'cancelled'];

test('whatever a run is made of, it ends, each task ends once, and it is the same when it goes on from what was stored', async () => {
  await fc.assert(
    fc.asyncProperty(list, fc.nat(1_000), async (tasks, seed) => {
      const once = await simulated(expressions, { tasks, more, outside: outside(seed) });
      const stored = await simulated(expressions, {
        tasks,
        more,
        outside: outside(seed),
        stored: (frame) => JSON.parse(JSON.stringify(frame)) as typeof frame,
      });
      expect(JSON.stringify(stored)).toBe(JSON.stringify(once));
      expect('output' in once || 'problem' in once).toBe(true);
      const started = once.events.filter(({ what }) => what === 'started').map(idOf);
      const ended = once.events.filter(({ what }) => ENDS.includes(what)).map(idOf);
      expect(new Set(started.map((id) => id.split(' ')[1])).size).toBe(started.length);
      expect(ended.toSorted()).toEqual(started.toSorted());
    }),
    { numRuns: 60, seed: 4711 },
  );
}, 60_000);
