import { median } from './figures.mjs';

/** Has a load generator do one job. @throws when an answer was not what it should be */
export async function perform(load, job) {
  const done = await load.ask(job);
  if (done.wrong !== undefined) throw new Error(`A call was answered wrongly: ${done.wrong.slice(0, 500)}`);
  return done;
}

/**
 * Until Node has compiled what is called often, a call costs several times as much. That takes so many calls, however
 * busy the machine is, and ends after a few turns.
 */
const WARM_CALLS = 5_000;
const WARM_TURNS = 5;

export async function warmUp(load, job) {
  await perform(load, { ...job, calls: WARM_CALLS, seconds: WARM_TURNS * job.seconds });
}

/** What a call costs the process under test: CPU time, so that how busy the machine is otherwise matters little. */
export async function cpuPerCall(subject, load, job) {
  const before = await subject.cpuMicros();
  const { calls } = await perform(load, job);
  return ((await subject.cpuMicros()) - before) / calls;
}

/**
 * Gives every side its turn in each round, so that whatever else the machine does meets all alike. The first round warms
 * up and does not count.
 * @returns by side, the results of the rounds
 */
export async function inTurns(rounds, sides) {
  const results = Object.fromEntries(Object.keys(sides).map((side) => [side, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const [side, measure] of Object.entries(sides)) {
      const result = await measure();
      if (round > 0) results[side].push(result);
    }
  }
  return results;
}

/** What one side costs beside the other in the same round; the median of the rounds. */
export const ratioOf = (side, other) => median(side.map((value, round) => value / other[round]));
