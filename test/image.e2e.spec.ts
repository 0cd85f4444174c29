import { readFileSync } from 'node:fs';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { startAgents, type TestAgents } from './support/agents.js';
import { newDatabase } from './support/database.js';
import { skippedWithout } from './support/debian.js';
import { installHelm, render } from './support/helm.js';
import { type BuiltImage, buildImage } from './support/image/build.js';
import { bytesOf, dataIn, type ObjectData, type ServerPod, serverPod } from './support/image/pod.js';
import { type Replica, startReplica } from './support/image/replica.js';
import { missingImageTools, openStore, run } from './support/image/tools.js';
import { SECRET_KEYS } from './support/secret-keys.js';
import { ADMIN_KEY } from './support/server.js';
import { startTlsDoor } from './support/tls-door.js';
import { until } from './support/until.js';

/** What we add to the base, in bytes: packages, code, and the embedded PostgreSQL. */
const SIZE_BUDGET = 300e6;
const OF_THE_PRODUCT = /^(package\.json|dist\/(apps\/server|libs|migrations)\/.+\.js(\.map)?)$/;
/** Of all processes of a container: the shell has no `ps`. */
const COMMAND_LINES = `
  for (const pid of fs.readdirSync('/proc').filter(Number))
    console.log(fs.readFileSync('/proc/' + pid + '/cmdline', 'utf8').split('\\0').join(' ').trim())`;
const VERSION = (JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version;

const isSkipped = skippedWithout('The image', [
  ...(await missingImageTools()),
  ...(inject('redisUrl') === undefined ? ['redis-server'] : []),
]);

interface ImageConfig {
  readonly Size: number;
  readonly Config: {
    readonly User: string;
    readonly Labels: Record<string, string>;
    readonly ExposedPorts: Record<string, object>;
    readonly StopSignal: string;
  };
}
const inspect = async (image: string): Promise<ImageConfig> => {
  const [found] = JSON.parse(await run('podman', 'image', 'inspect', image)) as ImageConfig[];
  if (found === undefined) throw new Error(`There is no image ${image}`);
  return found;
};

describe.skipIf(isSkipped)('the image', () => {
  let image: BuiltImage;

  beforeAll(async () => {
    await openStore();
    image = await buildImage({ VERSION, REVISION: 'abc1234' });
  }, 900_000);
  afterAll(() => image?.[Symbol.asyncDispose]());

  test('says what it is, is not for root, and keeps to its size', async () => {
    const { Size, Config } = await inspect(image.name);
    const added = Size - (await inspect(image.base)).Size;
    console.log(`The image adds ${Math.round(added / 1e6)} MB to its base.`);
    expect(added).toBeLessThan(SIZE_BUDGET);
    expect(Config.Labels).toMatchObject({
      'org.opencontainers.image.title': 'a2a-mcp-server',
      'org.opencontainers.image.description': expect.stringMatching(/./),
      'org.opencontainers.image.version': VERSION,
      'org.opencontainers.image.revision': 'abc1234',
      'org.opencontainers.image.licenses': 'Apache-2.0',
    });
    expect(Config).toMatchObject({ User: '10001:10001', StopSignal: 'SIGTERM' });
    expect(Object.keys(Config.ExposedPorts).toSorted()).toEqual(['3000/tcp', '8787/tcp']);
  });

  test('holds what runs, and nothing of tests, of development or of this checkout', async () => {
    const files = await filesIn(image.name, '/app');
    const own = files.filter((file) => !file.startsWith('node_modules/'));
    expect(own).toContain('dist/apps/server/src/main.js');
    expect(own.filter((file) => !OF_THE_PRODUCT.test(file) || file.includes('.spec.'))).toEqual([]);
    const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
      packages: Record<string, { dev?: boolean }>;
    };
    const installed = new Set(files.flatMap((file) => /^(node_modules\/.+)\/package\.json$/.exec(file)?.[1] ?? []));
    expect(installed.has('node_modules/pg')).toBe(true);
    expect(Object.keys(packages).filter((path) => packages[path]?.dev === true && installed.has(path))).toEqual([]);
  });

  describe('as the chart runs it, twice', () => {
    const stops: AsyncDisposable[] = [];
    let cluster: Cluster;
    let replicas: [Replica, Replica];
    let agents: TestAgents;

    beforeAll(async () => {
      cluster = await startCluster();
      agents = await startAgents();
      stops.push(cluster, agents);
      const start = async () => {
        const replica = await startReplica(cluster.pod, cluster.data, image.name);
        stops.push(replica);
        return replica;
      };
      replicas = [await start(), await start()];
    }, 300_000);
    afterAll(async () => {
      for (const one of stops.toReversed()) await one[Symbol.asyncDispose]();
    });

    test('all probes are answered', async () => {
      for (const replica of replicas)
        for (const which of ['startupProbe', 'livenessProbe', 'readinessProbe'] as const)
          expect({ which, status: await replica.probe(which) }).toEqual({ which, status: 200 });
      const { url } = replicas[0];
      expect(await (await fetch(`${url}/readyz`)).json()).toMatchObject({
        status: 'ok',
        details: { database: { status: 'up' }, redis: { status: 'up' } },
      });
      // That of the image itself, for those without Kubernetes.
      await expect(run('podman', 'healthcheck', 'run', replicas[0].name)).resolves.toBeDefined();
    });

    test('what one registers both call, over REST and over MCP', async () => {
      const [one, other] = replicas;
      expect(await rest(one, 'POST', '/api/v1/agents', { url: agents.url('echo') })).toMatchObject({ status: 201 });
      for (const replica of replicas)
        expect(await callTool(replica, 'echo', { message: `by ${replica.name}` })).toContain(`by ${replica.name}`);
      const { json } = await rest(one, 'POST', '/api/v1/tasks', { agent: 'echo', message: 'hello' });
      await expect
        .poll(async () => (await rest(other, 'GET', `/api/v1/tasks/${String(json['taskId'])}`)).json, {
          timeout: 10_000,
        })
        .toMatchObject({ state: 'completed' });
    });

    test('it is nobody: not root, no rights, no way to more, and only /tmp to write to', async () => {
      const [{ exec }] = replicas;
      expect(await exec('id', '-u')).toBe('10001');
      await expect(exec('touch', '/x')).rejects.toThrow(/Read-only file system/);
      await expect(exec('touch', '/app/x')).rejects.toThrow(/Read-only file system/);
      expect(await exec('touch', '/tmp/x')).toBe('');
      const status = await exec('cat', '/proc/1/status');
      expect(status).toMatch(/^CapEff:\s+0+$/m);
      expect(status).toMatch(/^CapBnd:\s+0+$/m);
      expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
    });

    test('the heap is a share of the memory limit, with room beside it', async () => {
      const limit = bytesOf(cluster.pod.containers[0].resources.limits.memory);
      const script = 'console.log(v8.getHeapStatistics().heap_size_limit, os.totalmem(), process.constrainedMemory())';
      const [heap = 0, , seen] = (await replicas[0].exec('node', '-e', script)).split(' ').map(Number);
      expect(seen).toBe(limit);
      expect(heap / limit).toBeGreaterThan(0.6);
      expect(heap / limit).toBeLessThan(0.85);
    });

    test('node is on the path, pg can be had where one lands, and arguments of node come through', async () => {
      const [{ exec }] = replicas;
      expect(await exec('node', '-p', 'process.version')).toMatch(/^v24\./);
      expect(await exec('node', '-p', "typeof require('pg').Pool")).toBe('function');
      const commands = await exec('node', '-e', COMMAND_LINES);
      expect(commands).toMatch(/^node --async-stack-traces dist\/apps\/server\/src\/main\.js$/m);
    });

    test('the init reaps what is left behind', async () => {
      const [{ exec }] = replicas;
      await exec('sh', '-c', '(sleep 0.1 &)');
      const dead = () => exec('sh', '-c', 'cat /proc/[0-9]*/stat | grep -c " Z " || true');
      await expect.poll(dead, { timeout: 10_000 }).toBe('0');
    });

    test('told to stop it is not ready any more, gives its work away and ends with 0 within its grace', async () => {
      const [one, other] = replicas;
      await rest(one, 'POST', '/api/v1/agents', { url: agents.url('long-runner') });
      const { json } = await rest(one, 'POST', '/api/v1/tasks', { agent: 'long-runner', message: 'for 8 s' });
      const path = `/api/v1/tasks/${String(json['taskId'])}`;
      await until('the task works', async () => (await rest(one, 'GET', path)).json['state'] === 'working');

      const { terminationGracePeriodSeconds, containers } = cluster.pod;
      const graceSeconds = terminationGracePeriodSeconds - containers[0].lifecycle.preStop.sleep.seconds;
      const start = performance.now();
      await one.signal('SIGTERM');
      expect(await one.ended()).toBe(0);
      expect((performance.now() - start) / 1_000).toBeLessThan(graceSeconds);
      expect(await one.logs()).toContain('"message":"Stopping"');

      const finished = async () => (await rest(other, 'GET', path)).json;
      await expect.poll(finished, { timeout: 30_000 }).toMatchObject({ state: 'completed' });
    }, 120_000);
  });
});

interface Cluster extends AsyncDisposable {
  readonly pod: ServerPod;
  readonly data: ObjectData;
}

/** The chart rendered for a PostgreSQL and a Redis that are really there. */
async function startCluster(): Promise<Cluster> {
  installHelm();
  const database = await newDatabase();
  const door = await startTlsDoor(database.url);
  const { hostname, port, pathname, username } = new URL(door.urlVia('127.0.0.1'));
  const external = { host: hostname, port, database: pathname.slice(1), user: username, sslMode: 'require' };
  const values = {
    'database.mode': 'external',
    ...Object.fromEntries(Object.entries(external).map(([name, value]) => [`database.external.${name}`, value])),
    'database.external.existingSecret': 'database',
    'redis.mode': 'external',
    'redis.external.existingSecret': 'redis',
    'secrets.existingSecret': 'server',
    'agents.allowedNetworks': '{127.0.0.1/32}',
    nodeArgs: '{--async-stack-traces}',
  };
  const manifests = render('v4', ...Object.entries(values).flatMap(([name, value]) => ['--set', `${name}=${value}`]));
  const data = {
    ...dataIn(manifests),
    database: { password: 'not asked for' },
    redis: { url: inject('redisUrl') ?? '' },
    server: { SECRET_KEYS, ADMIN_API_KEY: ADMIN_KEY },
  };
  const stop = async () => {
    door[Symbol.dispose]();
    await database[Symbol.asyncDispose]();
  };
  return { pod: serverPod(manifests), data, [Symbol.asyncDispose]: stop };
}

async function rest(replica: Replica, method: string, path: string, body?: unknown) {
  const headers = {
    authorization: `Bearer ${ADMIN_KEY}`,
    ...(body !== undefined && { 'content-type': 'application/json' }),
  };
  const response = await fetch(replica.url + path, {
    method,
    headers,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: response.status, json: (await response.json()) as Record<string, unknown> };
}

/** What a tool answers an MCP client, as JSON. */
async function callTool(replica: Replica, name: string, args: Record<string, unknown>): Promise<string> {
  const requestInit = { headers: { authorization: `Bearer ${ADMIN_KEY}` } };
  const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode: 'legacy' } });
  await client.connect(new StreamableHTTPClientTransport(new URL('/mcp', replica.url), { requestInit }));
  const result = await client.callTool({ name, arguments: args }).finally(() => void client.close());
  return JSON.stringify(result);
}

/** The files below a directory of an image, relative to it. */
async function filesIn(image: string, directory: string): Promise<string[]> {
  const find = ['--entrypoint=find', image, directory, '-not', '-type', 'd', '-printf', '%P\\n'];
  return (await run('podman', 'run', '--rm', '--network=none', ...find)).split('\n');
}
