import { summary } from './figures.mjs';

/**
 * Serves a parent process that tells over IPC what to call and for how long, and answers with what came of it.
 * @param prepare for one job, what makes another caller; a caller has one call at a time and resolves with what was wrong
 */
export function takeJobs(prepare) {
  process.on('message', (job) => {
    if (job !== 'cpu') void take(job, prepare);
  });
  process.channel.ref();
  console.log(`Listening ${JSON.stringify({ url: 'ipc:' })}`);
}

async function take(job, prepare) {
  const open = await prepare(job);
  const tally = new Tally();
  await (job.rate === undefined ? closedLoop(job, open, tally) : openLoop(job, open, tally));
  process.send(tally.done());
}

/**
 * So many callers, each with one call after the other: shows what a call costs, and how many there can be. Ends after so
 * many seconds, or calls.
 */
async function closedLoop({ callers, seconds, calls = Infinity }, open, tally) {
  const end = performance.now() + seconds * 1_000;
  const goOn = async (caller) => {
    while (performance.now() < end && tally.calls < calls && tally.wrong === undefined) await tally.time(caller);
    caller.close();
  };
  await Promise.all(Array.from({ length: callers }, () => goOn(open())));
}

/** Calls that come by themselves (Poisson), whether earlier ones were answered or not: shows what callers wait for. */
async function openLoop({ rate, seconds }, open, tally) {
  const idle = [];
  const pending = new Set();
  const begin = async () => {
    const caller = idle.pop() ?? open();
    await tally.time(caller);
    idle.push(caller);
  };
  const end = performance.now() + seconds * 1_000;
  for (let next = performance.now(); next < end && tally.wrong === undefined; next += gapMs(rate)) {
    const waitMs = next - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    const call = begin().finally(() => pending.delete(call));
    pending.add(call);
  }
  await Promise.all(pending);
  for (const caller of idle) caller.close();
}

const gapMs = (rate) => (-Math.log(1 - Math.random()) / rate) * 1_000;

/** The calls of one job. The first wrong answer ends it. */
class Tally {
  wrong;
  #latencies = [];
  #started = performance.now();

  get calls() {
    return this.#latencies.length;
  }

  async time(caller) {
    const sent = performance.now();
    const wrong = await caller.call();
    this.#latencies.push(performance.now() - sent);
    this.wrong ??= wrong;
  }

  done() {
    return { wrong: this.wrong, ...summary(this.#latencies, performance.now() - this.#started) };
  }
}
