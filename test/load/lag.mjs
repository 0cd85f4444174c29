import { register, startTicking } from './agents.mjs';
import { newDatabase } from './databases.mjs';
import { now, percentile } from './figures.mjs';
import { KEY } from './stage.mjs';

const EVERY_MS = 250;
const WITH_REDIS_AT_MOST = 60;
const WITHOUT_REDIS_AT_MOST = 300;

export const title =
  'From when an agent speaks to one replica until it is heard at another (REST, server-sent events), and at the same one';

export async function run(stage, { tasks, seconds }) {
  const postgres = await stage.postgres();
  const redis = await stage.redis();
  const ticker = await stage.own('ticker-server');
  const conditions = { stage, postgres, ticker, tasks, seconds };
  const figures = [];
  if (redis === undefined) console.log('  (only without Redis: there is none here)');
  else figures.push(...(await measure('with', { ...conditions, redis, atMost: WITH_REDIS_AT_MOST })));
  figures.push(...(await measure('without', { ...conditions, atMost: WITHOUT_REDIS_AT_MOST })));
  return figures;
}

async function measure(key, { stage, postgres, redis, ticker, tasks, seconds, atMost }) {
  const database = await newDatabase(postgres, `${key}_redis`);
  const owner = await stage.replica(database, redis);
  const other = await stage.replica(database, redis);
  await register(owner, { url: ticker.url, slug: 'ticker' });
  const ticking = { everyMs: EVERY_MS, times: Math.ceil((seconds * 1_000) / EVERY_MS) };
  const lags = await Promise.all(
    Array.from({ length: tasks }, async () => {
      const task = await startTicking(owner, ticking);
      return Promise.all([owner, other].map((server) => heard(server, task, ticking.times)));
    }),
  );
  await Promise.all([owner.stop(), other.stop()]);
  const same = lags.flatMap(([here]) => here);
  const across = lags.flatMap(([, there]) => there);
  const name = `${key} Redis`;
  return [
    { key: `${key}.same.p50`, what: `${name}, same replica, p50`, value: percentile(same, 0.5), unit: 'ms' },
    { key: `${key}.p50`, what: `${name}, other replica, p50`, value: percentile(across, 0.5), unit: 'ms', atMost },
    { key: `${key}.p99`, what: `${name}, other replica, p99`, value: percentile(across, 0.99), unit: 'ms' },
  ];
}

/** Follows a task to its end. @returns how late each word was heard, in milliseconds */
async function heard(server, task, times) {
  const headers = { authorization: `Bearer ${KEY}` };
  const response = await fetch(`${server.url}/api/v1/tasks/${task}/events`, { headers });
  const lags = [];
  let rest = '';
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    const at = now();
    const events = (rest + chunk).split('\n\n');
    rest = events.pop();
    for (const event of events) {
      const said = /^data: .*"state":"working".*"text":"([\d.]+)"/m.exec(event);
      if (said !== null) lags.push(at - Number(said[1]));
    }
  }
  if (lags.length !== times) throw new Error(`${lags.length} of ${times} events of ${task} were heard`);
  return lags;
}
