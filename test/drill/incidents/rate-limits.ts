import { until } from '../../support/until.js';
import type { Site } from '../support/site.js';
import type { Incident } from './incident.js';

const BURST = 5;
const CALLS = 15;
const SEEN_WITHIN_MS = 20_000;
const HITS = `curl -H "Authorization: Bearer $KEY" http://<loadbalancer-ip>:3000/api/v1/rate-limits/hits`;

/** Somebody comes far too often. */
export const rateLimits: Incident = {
  name: 'rate-limits',
  chapter: 'Issue: Rate Limiting Triggered',
  play: async (site, report) => {
    const since = performance.now();
    const client = await site.json<{ principal: string; key: string }>(201, 'POST', '/api/v1/api-keys', {
      name: 'drill',
    });
    const { principal } = client;
    const limit = { principal, perMinute: 6, burst: BURST };
    await site.json(200, 'PUT', '/api/v1/rate-limits', limit);
    const me = (base: string) => site.ask('GET', '/api/v1/permissions/me', undefined, client.key, base);
    const isLimit = (wanted: number) => (answer: Response) => answer.headers.get('ratelimit-limit') === String(wanted);
    await site.everywhere('the limit holds', me, isLimit(BURST));
    const hitsBefore = await site.alert('High Rate Limit Hits');
    report.saw('before', { 'limit, at once': BURST, 'alert: hits a minute': hitsBefore });

    const refused = await statuses(site, client.key);
    const exceeded = () => site.number('sum(a2a_rate_limit_exceeded_total{limit="principal"})');
    const isSeen = async () => (await exceeded()) >= CALLS - BURST - 2;
    await until('Prometheus has seen them', isSeen, SEEN_WITHIN_MS).catch(() => undefined);
    const told = await site.operator.mustType(HITS);
    report.saw('during', {
      'answers to him': counted(refused),
      'alert: hits a minute': await site.alert('High Rate Limit Hits'),
    });
    report.expect(
      `${BURST} calls over all servers, and a few that time brings`,
      refused.filter((one) => one === 200).length <= BURST + 2,
    );
    report.expect('the others are 429', refused.filter((one) => one === 429).length >= CALLS - BURST - 2);
    report.expect('/hits names him', told.includes(principal));
    report.expect('the metric counts them', await isSeen());
    const log = await site.operator.mustType('kubectl logs -n a2a-mcp -l app=a2a-mcp | grep "rate limit"');
    report.expect('the log names him', log.includes(principal));

    await site.json(200, 'PUT', '/api/v1/rate-limits', { ...limit, perMinute: 6_000, burst: 600 });
    await site.everywhere('the override holds', me, isLimit(600));
    const raised = await statuses(site, client.key);
    const { id } = await site.json<{ id: string }>(201, 'POST', '/api/v1/rate-limits/blocked', {
      principal,
      reason: 'drill',
    });
    await site.everywhere('the block holds', me, ({ status }) => status === 403);
    const blocked = await statuses(site, client.key);
    await site.ask('DELETE', `/api/v1/rate-limits/blocked/${id}`);
    await site.everywhere('the block is over', me, ({ status }) => status !== 403);
    const opened = await statuses(site, client.key);
    const { calls, failed, failures } = site.load.since(since);
    report.saw('after', {
      'limit, at once': 600,
      'answers to him': counted(raised),
      'while he is blocked': counted(blocked),
      'opened again': counted(opened),
      'calls of others': calls,
      'of them failed': failed,
    });
    report.expect(
      'more is let in after the override',
      raised.every((one) => one === 200),
    );
    report.expect(
      'nothing while he is blocked',
      blocked.every((one) => one === 403),
    );
    report.expect(
      'all when it is opened again',
      opened.every((one) => one === 200),
    );
    report.expect(`nobody else is slowed down, not: ${failures.join('; ')}`, failed === 0);
  },
};

/** One call after the other, in turn at each server. */
async function statuses(site: Site, key: string): Promise<number[]> {
  const found: number[] = [];
  for (let i = 0; i < CALLS; i++) found.push((await site.ask('GET', '/api/v1/permissions/me', undefined, key)).status);
  return found;
}

const counted = (found: readonly number[]): string =>
  [...new Set(found)].map((status) => `${found.filter((one) => one === status).length} × ${status}`).join(', ');
