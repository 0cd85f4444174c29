import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { asAdmin, openSocket } from '../../support/ws-client.js';
import type { Site } from '../support/site.js';
import type { Incident } from './incident.js';

const STREAMS = 500;
const OPENED_AT_ONCE = 25;
/** Prometheus has looked at it twice. */
const SEEN_MS = 2_500;
/** Streams take 85 kB each at work, docs/performance.md, and less while they are idle. */
const LEAST_GROWTH_MB = (STREAMS * 10) / 1_000;

/** One client opens far too many streams on one server. */
export const memory: Incident = {
  name: 'memory',
  chapter: 'Issue: High Memory Usage',
  play: async (site, report) => {
    const since = performance.now();
    report.saw('before', await view(site));
    const { taskId } = await site.startTask('long-runner', 'for 2 min');
    const streams = await openStreams(site, taskId);
    await sleep(SEEN_MS);
    const during = await view(site);
    report.saw('during', during);
    const metrics = await site.operator.mustType('curl http://<pod-ip>:3000/metrics | grep memory');
    report.expect('/metrics tells the memory of the server', metrics.includes('process_resident_memory_bytes'));
    const typed = `kubectl exec -it -n a2a-mcp <pod-name> -- node -e "console.log(process.memoryUsage())"`;
    report.expect('node -e runs in the pod', (await site.operator.mustType(typed)).includes('heapUsed'));

    for (const stream of streams) stream.terminate();
    await site.json(200, 'POST', `/api/v1/tasks/${taskId}/cancel`);
    await site.first.stop();
    await site.first.start();
    await site.allReady();
    await sleep(SEEN_MS);
    const after = await view(site);
    const { calls, failed, failures } = site.load.since(since);
    report.saw('after', { ...after, 'calls of others': calls, 'of them failed': failed });
    report.expect('the metric says who it is: connections', during.connections >= STREAMS);
    report.expect(
      `memory grows by ${LEAST_GROWTH_MB} MB`,
      during['resident, MB'] - Number(after['resident, MB']) >= LEAST_GROWTH_MB,
    );
    report.expect(`nobody else notices, the restart included, not: ${failures.join('; ')}`, failed === 0);
  },
};

async function view(site: Site) {
  const pod = `{instance="127.0.0.1:${new URL(String(site.first.url)).port}"}`;
  return {
    'resident, MB': Math.round((await site.number(`process_resident_memory_bytes${pod}`)) / 1e6),
    'heap, MB': Math.round((await site.number(`nodejs_heap_size_used_bytes${pod}`)) / 1e6),
    connections: await site.number(`sum(a2a_websocket_connections${pod})`),
  };
}

async function openStreams(site: Site, taskId: string): Promise<WebSocket[]> {
  const url = `ws://127.0.0.1:${site.services.ports[0]?.stream}/stream?requestId=${taskId}`;
  await (await openSocket(url, asAdmin)).close(); // fails in words when nobody is there
  const opened: WebSocket[] = [];
  const openNext = async () => {
    while (opened.length < STREAMS) {
      const socket = new WebSocket(url, { ...asAdmin, perMessageDeflate: false });
      opened.push(socket);
      socket.on('error', () => undefined);
      await new Promise((resolve) => socket.once('message', resolve).once('close', resolve));
    }
  };
  await Promise.all(Array.from({ length: OPENED_AT_ONCE }, openNext));
  return opened;
}
