import { until } from '../../support/until.js';
import type { Stage } from './faults.js';

/**
 * As a deployment does it: the next one only after the last one is ready for the load balancer.
 * @param program of another build; undefined: the one under test
 */
export async function restartNext(stage: Stage, program?: string): Promise<void> {
  const { proxy, replicas } = stage.cluster;
  const [replica] = replicas.toSorted((a, b) => a.listeningSince - b.listeningSince);
  if (replica === undefined) return;
  let code: number | null = null;
  await stage.during(`SIGTERM of ${replica.name}`, {}, async () => {
    code = await replica.stop();
  });
  if (code !== 0) throw new Error(`${replica.name} ended with ${String(code)}`);
  replica.program = program;
  await replica.start();
  await until('the proxy knows it', () => proxy.isReady(replica));
}
