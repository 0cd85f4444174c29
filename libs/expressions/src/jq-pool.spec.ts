import { afterEach, expect, test } from 'vitest';
import { JqPool } from './jq-pool.js';
import { MAX_THREADS, MAX_WAITING } from './limits.js';

const pools: JqPool[] = [];
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
});

/** A pool whose threads run this, with `program` and `answer` at hand. */
function poolOf(onMessage: string, onStart = 'answer({})'): JqPool {
  const script = `
    import { parentPort } from 'node:worker_threads';
    const answer = (it) => parentPort.postMessage(it);
    parentPort.on('message', ({ program, input }) => { ${onMessage} });
    ${onStart};`;
  const pool = new JqPool(new URL(`data:text/javascript,${encodeURIComponent(script)}`));
  pools.push(pool);
  return pool;
}
const said = (stdout: string) => ({ stdout, stderr: '', exitCode: 0 });
const ECHO = `answer({ stdout: program, stderr: '', exitCode: 0 })`;
const run = (pool: JqPool, program: string, signal?: AbortSignal) => pool.run({ program, input: () => 'null' }, signal);

test.each([
  ['exits', 'process.exit(3)'],
  ['throws', 'throw new Error("on purpose")'],
])('when a thread %s, only what it ran is lost', async (_, death) => {
  const pool = poolOf(`if (program === 'die') { ${death} } else ${ECHO}`);
  const answers = await Promise.all(['a', 'die', 'b', 'die', 'c', 'd'].map((program) => run(pool, program)));
  expect(answers).toEqual([said('a'), { aborted: 'crash' }, said('b'), { aborted: 'crash' }, said('c'), said('d')]);
});

test('a thread that dies with nothing to do is replaced', async () => {
  const pool = poolOf(`${ECHO}; setImmediate(() => process.exit(0))`);
  for (const program of ['a', 'b', 'c']) {
    expect(await run(pool, program)).toEqual(said(program));
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
});

test.each(['process.exit(1)', 'throw new Error("on purpose")'])(
  'a thread that does not start (%s) says so',
  async (start) => {
    const pool = poolOf(ECHO, start);
    await expect(run(pool, 'a')).rejects.toThrow('jq did not start');
    await expect(run(pool, 'b')).rejects.toThrow('jq did not start');
  },
);

test('a thread that sleeps for ever is stopped by the clock', async () => {
  const pool = poolOf(`if (program !== 'sleep') ${ECHO}`);
  const [slept, echoed] = await Promise.all([run(pool, 'sleep'), run(pool, 'a')]);
  expect([slept, echoed]).toEqual([{ aborted: 'time' }, said('a')]);
});

test('so many wait and no more; an input that cannot be had fails alone; those who wait when it closes are told', async () => {
  const pool = poolOf(`if (program !== 'sleep') ${ECHO}`);
  const sleepers = Array.from({ length: MAX_THREADS }, () => run(pool, 'sleep'));
  const giver = new AbortController();
  const waiting = Array.from({ length: MAX_WAITING }, () => run(pool, 'a', AbortSignal.any([giver.signal])));
  await expect(run(pool, 'b')).rejects.toMatchObject({ code: 'unavailable' });
  giver.abort(new Error('given up'));
  expect((await Promise.allSettled(waiting)).every(({ status }) => status === 'rejected')).toBe(true);

  const unreadable = pool.run({ program: 'c', input: () => JSON.stringify(1n) });
  const late = Promise.allSettled([run(pool, 'd'), ...sleepers]);
  await expect(unreadable).rejects.toThrow(TypeError);
  await pool.close();
  expect((await late)[0]?.status).toMatch(/fulfilled|rejected/);
  await expect(run(pool, 'e')).rejects.toMatchObject({ code: 'unavailable', message: 'The server is stopping' });
});
