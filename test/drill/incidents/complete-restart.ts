import type { Site } from '../support/site.js';
import type { Incident } from './incident.js';

const RUNNING = ['for 3 s', 'for 15 s', 'for 18 s', 'for 21 s'];
const LATE_MS = 60_000;

/** All servers are killed at once. */
export const completeRestart: Incident = {
  name: 'complete-restart',
  chapter: 'Complete outage (SEV1)',
  play: async (site, report) => {
    const { agents } = await view(site);
    const heardBefore = await heardBy(site);
    const tasks = await Promise.all(RUNNING.map((how) => site.startTask('long-runner', how)));
    await sentAll(site, heardBefore + RUNNING.length);
    report.saw('before', { 'ready servers': await site.count('/readyz'), agents, 'tasks that run': tasks.length });

    await Promise.all(site.replicas.map((replica) => replica.kill()));
    report.saw('during', { 'ready servers': await site.count('/readyz') });

    const started = performance.now();
    await Promise.all(site.replicas.map((replica) => replica.start()));
    await site.allReady();
    const seconds = (performance.now() - started) / 1_000;
    const states = await site.ended(tasks, LATE_MS);
    const since = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const { calls, failed, failures } = site.load.since(since);
    const sent = (await heardBy(site)) - heardBefore;
    report.saw('after', {
      'ready servers': await site.count('/readyz'),
      ...(await view(site)),
      'seconds until ready': seconds,
      'tasks that ran': states.join(', '),
      'messages to their agent': sent,
      'calls since then': calls,
      'of them failed': failed,
    });
    report.expect('all agents are there', (await view(site)).agents === agents);
    report.expect(
      'tasks that ran are completed',
      states.every((state) => state === 'completed'),
    );
    report.expect('their agent was asked once for each', sent === RUNNING.length);
    report.expect(`calls go well again, not: ${failures.join('; ')}`, calls > 0 && failed === 0);
    await site.operator.mustType('curl http://<loadbalancer-ip>:3000/healthz');
  },
};

async function view(site: Site): Promise<{ agents: number }> {
  const { agents } = await site.json<{ agents: { total: number } }>(200, 'GET', '/api/agent?action=status');
  return { agents: agents.total };
}

export const heardBy = async (site: Site): Promise<number> =>
  (await site.services.agents.ledger('long-runner')).messages.length;

/** Waits until the agent has heard so many messages, and this is stored. */
export async function sentAll(site: Site, messages: number): Promise<void> {
  const deadline = performance.now() + LATE_MS;
  const unheard = "select 1 from tasks where agent = 'long-runner' and rested_at is null and not heard limit 1";
  while ((await heardBy(site)) < messages || (await site.services.postgres.query(unheard)).length > 0) {
    if (performance.now() > deadline) throw new Error(`${messages} messages were not sent within ${LATE_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
