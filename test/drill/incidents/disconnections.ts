import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../support/until.js';
import { asAdmin, openSocket } from '../../support/ws-client.js';
import type { Site } from '../support/site.js';
import type { Incident } from './incident.js';

const AGAIN_MS = 200;
const NORMAL_END = 1_000;

/** The server that serves a stream is stopped in the middle of it. */
export const disconnections: Incident = {
  name: 'disconnections',
  chapter: 'Issue: WebSocket Disconnections',
  play: async (site, report) => {
    const since = performance.now();
    const { taskId } = await site.startTask('long-runner', 'for 12 s');
    const heard: Heard = { seqs: [], closes: [], servers: [], last: '' };
    const following = follow(site, taskId, heard);
    await until('somebody serves the stream', () => heard.servers.length > 0, 20_000);
    await sleep(2_000);
    const port = site.services.streams.lastPort();
    const serving = site.replicas[site.services.ports.findIndex(({ stream }) => stream === port)] ?? site.first;
    report.saw('before', { 'ready servers': await site.count('/readyz'), 'stream served by': serving.name });

    await serving.stop();
    report.saw('during', { 'ready servers': await site.count('/readyz') });
    await following;
    const { seqs, closes, last, servers } = heard;
    await serving.start();
    await site.allReady();
    const { calls, failed, failures } = site.load.since(since);
    report.saw('after', {
      'ready servers': await site.count('/readyz'),
      'stream served by': String(servers.at(-1)),
      'connections of the client': closes.length,
      'closed with': closes.join(', '),
      'events heard': seqs.length,
      'its end': last,
      'calls of others': calls,
      'of them failed': failed,
    });
    report.expect('the stream breaks', closes.length > 1 && closes[0] !== NORMAL_END);
    report.expect('it goes on at another server', servers.at(-1) !== serving.name);
    report.expect(
      'no event comes twice or out of order',
      seqs.every((seq, i) => seq > (seqs[i - 1] ?? 0)),
    );
    report.expect('the result comes', last === 'final');
    report.expect(`calls go on, not: ${failures.join('; ')}`, failed === 0);
    const log = await site.operator.mustType('kubectl logs -n a2a-mcp -l app=a2a-mcp | grep "WebSocket"');
    report.expect('the log tells of the connection', log.includes('WebSocket disconnected'));
  },
};

/** What a client got, over all of its connections. */
interface Heard {
  readonly seqs: number[];
  readonly closes: number[];
  readonly servers: string[];
  last: string;
}

/** A client that resumes where it was, as docs/websocket.md says. */
async function follow(site: Site, taskId: string, heard: Heard): Promise<void> {
  while (heard.last !== 'final' && heard.last !== 'error') {
    const from = heard.seqs.at(-1) ?? 0;
    const { streams, ports } = site.services;
    const client = await openSocket(`${streams.url}/stream?requestId=${taskId}&from=${from}`, asAdmin).catch(
      () => undefined,
    );
    if (client === undefined) {
      await sleep(AGAIN_MS);
      continue;
    }
    heard.servers.push(site.replicas[ports.findIndex(({ stream }) => stream === streams.lastPort())]?.name ?? '');
    const { code } = await client.closed;
    heard.closes.push(code);
    const events = client.received.filter(({ type }) => type === 'chunk' || type === 'final' || type === 'error');
    heard.seqs.push(...events.map(({ seq }) => Number(seq)));
    heard.last = String(client.received.at(-1)?.['type']);
  }
}
