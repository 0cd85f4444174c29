import { randomBytes } from 'node:crypto';
import { until } from '../until.js';
import { freePort } from '../ports.js';
import { environmentOf, type ObjectData, podmanOptions, probePort, type ServerPod } from './pod.js';
import { run } from './tools.js';

export type Replica = Awaited<ReturnType<typeof startReplica>>;

/** On a machine with much else to do. */
const STARTS_MS = 150_000;
/** Then it is ended, also when nobody is left to do so. */
const LONGEST_SECONDS = 600;

/**
 * One pod of the chart, by podman. Only the addresses are others than on a cluster: containers share the network of this
 * machine here, so each replica has ports of its own, on 127.0.0.1.
 */
export async function startReplica(pod: ServerPod, data: ObjectData, image: string) {
  const [container] = pod.containers;
  const name = `a2a-mcp-test-${randomBytes(6).toString('hex')}`;
  const [port, streamPort] = [await freePort(), await freePort()];
  const env = {
    ...environmentOf(pod, data),
    HOST: '127.0.0.1',
    PORT: String(port),
    STREAM_PORT: String(streamPort),
  };
  const variables = Object.entries(env).map(([key, value]) => `--env=${key}=${value}`);
  const options = [
    '--detach',
    `--name=${name}`,
    `--timeout=${LONGEST_SECONDS}`,
    '--network=host',
    ...podmanOptions(pod),
    ...variables,
  ];
  await run('podman', 'run', ...options, image, ...(container.args ?? []));

  const numbers = new Map([
    [3000, port],
    [8787, streamPort],
  ]);
  /** What a probe of the rendered pod is answered: the HTTP status; undefined: nobody answers. */
  const probe = async (which: 'startupProbe' | 'livenessProbe' | 'readinessProbe'): Promise<number | undefined> => {
    const { httpGet } = container[which];
    const url = `http://127.0.0.1:${numbers.get(probePort(pod, container[which]))}${httpGet.path}`;
    return fetch(url).then(
      ({ status }) => status,
      () => undefined,
    );
  };
  const isUp = async () => (await probe('startupProbe')) === 200 && (await probe('readinessProbe')) === 200;
  const logs = () => run('podman', 'logs', name);
  await until(`${name} is ready`, isUp, STARTS_MS).catch(async (error: unknown) => {
    throw new Error(`The replica does not get ready:\n${await logs()}`, { cause: error });
  });
  return {
    name,
    url: `http://127.0.0.1:${port}`,
    probe,
    /** What a program in the container writes. @throws when it fails */
    exec: (...command: string[]) => run('podman', 'exec', name, ...command),
    logs,
    signal: (signal: 'SIGTERM') => run('podman', 'kill', `--signal=${signal}`, name),
    /** Waits for its end. @returns the exit code */
    ended: async () => Number(await run('podman', 'wait', name)),
    [Symbol.asyncDispose]: async () => {
      await run('podman', 'rm', '--force', '--time=0', name);
    },
  };
}
