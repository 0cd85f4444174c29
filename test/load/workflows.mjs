import { newWorkflow, register } from './agents.mjs';
import { countedServer } from './counting.mjs';
import { newDatabase } from './databases.mjs';
import { median } from './figures.mjs';
import { cpuPerCall, inTurns, perform, ratioOf, warmUp } from './measure.mjs';
import { modernCall } from './requests.mjs';
import { KEY } from './stage.mjs';
import { takeoverTimes } from './takeovers.mjs';

const TEXT = 'How is the weather in Paris today?';
const COMMITS_AT_MOST = 3;
const CALLERS = 8;
const TEN = 10;

export const title =
  'A workflow whose steps are calls to the echo agent, beside such a call without a workflow: commits, CPU time, runs and steps a second, and what they wait for; and how soon another replica goes on with a run';

export async function run(stage, { rounds, seconds, takeovers }) {
  const postgres = await stage.postgres();
  const agents = await stage.demoAgents();
  const load = await stage.own('http-load');
  const prepared = async (server) => {
    await register(server, { url: `${agents.url}/echo/`, slug: 'echo' });
    for (const [name, steps] of [
      ['one-step', 1],
      ['ten-steps', TEN],
    ])
      await newWorkflow(
        server,
        name,
        Array.from({ length: steps }, (_, n) => ({ [`step-${n}`]: CALL })),
      );
    const callTo = (tool, args) => ({ request: modernCall(`${server.url}/mcp`, tool, args, KEY), expect: TEXT });
    return {
      bare: callTo('echo', { message: TEXT }),
      one: callTo('run_one_step', {}),
      ten: callTo('run_ten_steps', {}),
    };
  };
  const scene = { stage, postgres, load, prepared };
  const times = await takeoverTimes(stage, postgres, takeovers);
  return [
    ...(await counts(scene, seconds)),
    ...(await costs(scene, rounds, seconds)),
    { key: 'takeover', what: 'kill -9 of the owner to the next step, median', value: median(times), unit: 'ms' },
    { key: 'takeover.longest', what: 'the longest', value: Math.max(...times), unit: 'ms' },
  ];
}

const CALL = { call: 'agent', with: { agent: 'echo', message: TEXT } };

/** One run after the other, so that none shares a statement with another. */
async function counts({ stage, postgres, load, prepared }, seconds) {
  const { server, counter } = await countedServer(stage, postgres);
  const sides = await prepared(server);
  const calls = (side) => perform(load, { ...sides[side], callers: 1, seconds: 2 * seconds });
  for (const side of Object.keys(sides)) await calls(side);

  const counted = await counter();
  const { bare, one, ten } = {
    bare: await counted(() => calls('bare')),
    one: await counted(() => calls('one')),
    ten: await counted(() => calls('ten')),
  };
  const further = (what) => Math.round(((ten(what) - one(what)) * 10) / (TEN - 1)) / 10;
  const figures = [
    ...countsOf('bare', 'a call without a workflow', bare),
    ...countsOf('one', 'a run of one step', one),
    ...countsOf('further', 'each further step of a run', further, COMMITS_AT_MOST),
  ];
  await server.stop();
  return figures;
}

const countsOf = (key, what, taken, atMost) => [
  { key: `${key}.writes`, what: `${what}, commits`, value: taken('writes'), unit: '', atMost },
  { key: `${key}.commits`, what: `${what}, all transactions`, value: taken('commits'), unit: '' },
  { key: `${key}.statements`, what: `${what}, statements`, value: taken('statements'), unit: '' },
];

async function costs({ stage, postgres, load, prepared }, rounds, seconds) {
  const server = await stage.replica(await newDatabase(postgres, 'timed'));
  const sides = await prepared(server);
  const many = (side) => ({ ...sides[side], callers: CALLERS, seconds });
  for (const side of Object.keys(sides)) await warmUp(load, many(side));

  const each = (measure) =>
    inTurns(rounds, Object.fromEntries(Object.keys(sides).map((side) => [side, measure(side)])));
  const micros = await each((side) => () => cpuPerCall(server, load, many(side)));
  const busy = await each((side) => () => perform(load, many(side)));
  const alone = await each((side) => () => perform(load, { ...sides[side], callers: 1, seconds }));
  const tenths = (values) => values.map((value) => value / TEN);
  /** From the quietest round: what else the machine does only ever adds. */
  const most = (side) => Math.max(...busy[side].map(({ perSecond }) => perSecond));
  const least = (side, part) => Math.min(...alone[side].map((result) => result[part]));
  const latency = (side, what) =>
    ['p50', 'p95'].map((part) => ({
      key: `${side}.${part}`,
      what: `one caller, ${what}, ${part}`,
      value: least(side, part),
      unit: 'ms',
    }));
  return [
    {
      key: 'bare.micros',
      what: 'CPU of the server, a call without a workflow',
      value: median(micros.bare),
      unit: 'µs',
    },
    { key: 'one.micros', what: 'CPU of the server, a run of one step', value: median(micros.one), unit: 'µs' },
    { key: 'ten.micros', what: 'CPU of the server, a step of ten', value: median(tenths(micros.ten)), unit: 'µs' },
    { key: 'one.ratio', what: 'CPU, a run of one step / a call', value: ratioOf(micros.one, micros.bare), unit: '×' },
    {
      key: 'ten.ratio',
      what: 'CPU, a step of ten / a call',
      value: ratioOf(tenths(micros.ten), micros.bare),
      unit: '×',
    },
    { key: 'bare.perSecond', what: `calls, ${CALLERS} callers`, value: most('bare'), unit: '/s' },
    { key: 'one.perSecond', what: `runs of one step, ${CALLERS} callers`, value: most('one'), unit: '/s' },
    { key: 'ten.perSecond', what: `steps of runs of ten, ${CALLERS} callers`, value: most('ten') * TEN, unit: '/s' },
    ...latency('bare', 'a call'),
    ...latency('one', 'a run of one step'),
    ...latency('ten', 'a run of ten steps'),
  ];
}
