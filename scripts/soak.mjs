/**
 * `npm run soak -- [scenario] [--seed N] [--faults N] [--minutes N] [--workflows N] [--waiting N]`: the
 * fault scenarios of `test/replicas`, with many faults each; `workflows` makes faults for as long as it takes so many generated
 * workflows, and `waiting` makes none but measures what so many waiting runs cost.
 */
import { parseArgs } from 'node:util';
import { build, findServices, install, local, run } from './set-up.mjs';

const SCENARIOS = ['kill', 'freeze', 'postgres', 'redis', 'rolling', 'without-redis', 'workflows', 'waiting'];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string' },
    faults: { type: 'string', default: '200' },
    minutes: { type: 'string', default: '20' },
    workflows: { type: 'string', default: '200' },
    waiting: { type: 'string', default: '100000' },
  },
});
const [scenario, ...others] = positionals;
if (others.length > 0 || (scenario !== undefined && !SCENARIOS.includes(scenario))) {
  console.error(`Expected one of ${SCENARIOS.join(', ')}, or none for all of them.`);
  process.exit(1);
}
const chosen = scenario === undefined ? SCENARIOS : [scenario];
const FAULT_SEED = values.seed ?? String(Math.floor(Math.random() * 2 ** 32));
console.log(
  `${chosen.join(', ')}: ${values.faults} faults each, at most ${values.minutes} minutes each, seed ${FAULT_SEED}`,
);

install();
build();
findServices();
run(local('vitest'), ['run', '--no-file-parallelism', ...chosen.map((name) => `test/replicas/${name}.e2e.spec.ts`)], {
  env: {
    ...process.env,
    FAULT_SEED,
    FAULTS: values.faults,
    FAULT_MINUTES: values.minutes,
    FAULT_TAKEOVER_MS: '8000',
    WORKFLOWS: values.workflows,
    WAITING: values.waiting,
  },
});
