import { execFileSync } from 'node:child_process';
import { render, type Manifest } from '../helm.js';
import { specOf, templateOf } from '../manifest-policy.js';
import { rows } from '../database.js';
import type { RedisServer } from '../redis-server.js';
import { ADMIN_KEY, type TestServer } from '../server.js';

/** `executed` here; `object`: the chart renders what it names; `cluster`: its object is there, and only a cluster can run it; `exempt`. */
export type Verdict = 'executed' | 'object' | 'cluster' | 'exempt';

/** What lines are tried against. */
export interface Stage {
  readonly server: TestServer;
  readonly redis: RedisServer | undefined;
  readonly metrics: string;
  readonly manifests: readonly Manifest[];
}

type Try = (match: RegExpExecArray, stage: Stage) => void | Promise<void>;

const must = (condition: boolean, what: string): void => {
  if (!condition) throw new Error(what);
};

const find = ({ manifests }: Stage, kind: string, name: string): Manifest => {
  const found = manifests.find((one) => one.kind === kind && one.metadata.name === name);
  if (found === undefined) throw new Error(`The chart renders no ${kind} ${name}`);
  return found;
};

const podsWith = ({ manifests }: Stage, label: string): string[] => {
  const [key = '', value] = label.split('=');
  return manifests
    .filter((one) => templateOf(one)?.metadata?.labels?.[key] === value)
    .map(({ metadata }) => metadata.name);
};

const metricIn: Try = ([, query = ''], { metrics }) => {
  const [name = ''] = /a2a_\w+/.exec(query) ?? [];
  must(new RegExp(`^${name}(\\{| )`, 'm').test(metrics), `/metrics has no ${name}`);
};

const answers: Try = async ([, path = '', word], { server }) => {
  const response = await fetch(server.url + path);
  const text = await response.text();
  must(response.status === 200, `${path} answered ${response.status}`);
  must(word === undefined || text.includes(word), `${path} says nothing of ${word}`);
};

const logHas: Try = ([, label = '', word = ''], stage) => {
  must(podsWith(stage, label).join() === 'a2a-mcp-server', `${label} finds ${podsWith(stage, label).join()}`);
  const lines = stage.server.logs.map((line) => JSON.stringify(line));
  must(
    lines.some((line) => line.includes(word)),
    `no line of the log has ${word}`,
  );
};

const runsNode = (...args: string[]): void => {
  execFileSync(process.execPath, args, { stdio: 'pipe', timeout: 30_000, env: { ...process.env } });
};

const sql: Try = async ([, statement = ''], { server }) => {
  await rows(server.databaseUrl, statement);
};

const redis: Try = async ([command = ''], { redis: running }) => {
  await running?.command(...command.split(' '));
};

const deployed: Try = ([, name = ''], stage) => {
  find(stage, 'Deployment', name);
};
const service: Try = ([, name = '', port], stage) => {
  const { ports } = specOf(find(stage, 'Service', name)) as unknown as { ports: { port: number }[] };
  must(port === undefined || ports.some((one) => one.port === Number(port)), `${name} has no port ${port}`);
};
const environment: Try = (_, stage) => {
  const [container] = templateOf(find(stage, 'Deployment', 'a2a-mcp-server'))?.spec.containers ?? [];
  const names = (container?.env ?? []).map(({ name }) => name);
  must(
    ['POSTGRES_HOST', 'POSTGRES_USER'].every((name) => names.includes(name)),
    'no POSTGRES_HOST and POSTGRES_USER in the pod',
  );
};
const nothing: Try = () => undefined;

/** One for each kind of line, in order; a line that none takes fails the test. */
const KINDS: readonly [RegExp, Verdict, Try][] = [
  [/^kubectl scale deployment\/(\S+) --replicas=\d+ -n a2a-mcp$/, 'object', deployed],
  [
    /^kubectl set image deployment\/(\S+) (\S+)=\S+ -n a2a-mcp$/,
    'object',
    ([, name = '', container], stage) => {
      const { containers } = templateOf(find(stage, 'Deployment', name))?.spec ?? { containers: [] };
      must(
        containers.some((one) => one.name === container),
        `no container ${container}`,
      );
    },
  ],
  [
    /^kubectl rollout (?:status|history|undo|restart) deployment\/(\S+)(?: --to-revision=(\d+))? -n a2a-mcp$/,
    'object',
    ([, name = '', revision = '0'], stage) => {
      const { revisionHistoryLimit } = specOf(find(stage, 'Deployment', name)) as { revisionHistoryLimit?: number };
      must((revisionHistoryLimit ?? 0) >= Number(revision), 'too few revisions are kept');
    },
  ],
  [
    /^kubectl (?:edit|get) hpa(?: (\S+))? -n a2a-mcp$/,
    'object',
    ([, name = 'a2a-mcp-hpa'], stage) =>
      void find(stage, 'HorizontalPodAutoscaler', name.startsWith('-') ? 'a2a-mcp-hpa' : name),
  ],
  [/^kubectl logs -n a2a-mcp -l (\S+) \| grep "?([^"]+)"?$/, 'executed', logHas],
  [
    /^kubectl logs -n a2a-mcp -l (\S+) --tail=\d+$/,
    'object',
    ([, label = ''], stage) => must(podsWith(stage, label).length === 1, `${label} finds other pods too`),
  ],
  [/^kubectl port-forward -n a2a-mcp svc\/(\S+) \d+:(\d+)$/, 'object', service],
  [/^kubectl describe svc\/(\S+) -n a2a-mcp$/, 'object', service],
  [
    /^kubectl wait --for=condition=ready pod -l (\S+) -n a2a-mcp$/,
    'object',
    ([, label = ''], stage) => must(podsWith(stage, label).length > 0, `${label} finds nothing`),
  ],
  [
    /^kubectl get pods -n a2a-mcp \| grep (postgres)$/,
    'cluster',
    ([, name = ''], stage) => void find(stage, 'StatefulSet', name),
  ],
  [
    /^kubectl delete pod <postgres-pod-name> -n a2a-mcp$/,
    'cluster',
    (_, stage) => void find(stage, 'StatefulSet', 'postgres'),
  ],
  [
    /^kubectl exec -it -n a2a-mcp <redis-pod> -- redis-cli$/,
    'cluster',
    (_, stage) => void find(stage, 'Deployment', 'redis'),
  ],
  [/^kubectl exec .*-- node -e "(console.*)"$/, 'executed', ([, code = '']) => runsNode('-e', code)],
  [
    /^kubectl exec .*-- node -e "(new .*)"$/,
    'executed',
    ([, code = ''], { server }) => {
      const { hostname, port, username, password, pathname, searchParams } = new URL(server.databaseUrl);
      const env = {
        PGHOST: searchParams.get('host') ?? hostname,
        ...(port !== '' && { PGPORT: port }),
        PGUSER: username,
        PGPASSWORD: decodeURIComponent(password),
        PGDATABASE: pathname.slice(1),
      };
      execFileSync(process.execPath, ['-e', code], { stdio: 'pipe', timeout: 30_000, env: { ...process.env, ...env } });
    },
  ],
  // Pool is a class: it wants `new`, and what connects keeps node from ending.
  [
    /^kubectl exec .*-- node -e "require\('pg'\)\.Pool\(\{\}\).*"$/,
    'exempt',
    ([line]) => must(line.includes('Pool({})'), 'another line'),
  ],
  [/^kubectl logs -n a2a-mcp <pod-name>/, 'cluster', nothing],
  [/^kubectl (?:get (?:pods|nodes)|top (?:pods|nodes))(?: -n a2a-mcp)?$/, 'cluster', nothing],
  // curl takes [5m] for a range: ours has -g.
  [/^curl 'http:\/\/prometheus:9090\/api\/v1\/query\?query=rate\((a2a_\w+)\[5m\]\)'$/, 'exempt', metricIn],
  [/^curl -g 'http:\/\/prometheus:9090\/api\/v1\/query\?query=(.*)'$/, 'executed', metricIn],
  [/^curl 'http:\/\/prometheus:9090\/api\/v1\/query\?query=(\w+)'$/, 'executed', metricIn],
  [/^curl http:\/\/(?:<pod-ip>|<loadbalancer-ip>|localhost):3000(\S+)(?: \| grep (\w+))?$/, 'executed', answers],
  [
    /^curl (?:-X (\w+) )?-H "Authorization: Bearer \$KEY" '?http:\/\/<loadbalancer-ip>:3000([^']+)'?$/,
    'executed',
    async ([, method = 'GET', path = ''], { server }) => {
      const { status } = await fetch(server.url + path, { method, headers: { authorization: `Bearer ${ADMIN_KEY}` } });
      // The key of the example is nobody's.
      must(status < 300 || (status === 404 && path.includes('0123456789abcdef')), `${path} answered ${status}`);
    },
  ],
  [/^psql -c "(.*)"$/, 'executed', sql],
  [/^((?:CREATE INDEX \w+ ON workflows.*));$/, 'exempt', nothing], // there are no workflows yet
  [
    /^CREATE INDEX (idx_\w+) ON agents.*;$/,
    'executed',
    async ([, name = ''], { server }) => {
      const [found] = await rows(server.databaseUrl, `select 1 from pg_indexes where indexname = '${name}'`);
      must(found !== undefined, `no index ${name}`);
    },
  ],
  [/^(EXPLAIN .*|VACUUM .*);$/, 'executed', sql],
  [/^psql -h localhost -U postgres -d a2a_mcp$/, 'object', (_, stage) => void find(stage, 'Service', 'postgres')],
  [/^(?:psql|pg_dump) -h \$POSTGRES_HOST -U \$POSTGRES_USER /, 'object', environment],
  [
    /^(?:FLUSHDB|KEYS a2a:\*|DEL a2a:session:\w+|CONFIG SET maxmemory\S* \S+|INFO memory|SLOWLOG GET \d+)$/,
    'executed',
    redis,
  ],
  [/^(?:gzip|gunzip) backup-/, 'exempt', nothing], // of the shell
  [/^open http:/, 'exempt', nothing], // of macOS
  [
    /^wscat -c ws:\/\/<loadbalancer-ip>:(8787)$/,
    'object',
    ([, port = ''], stage) => service(['', 'a2a-mcp-websocket', port] as never, stage),
  ],
  [
    /^--(?:max-old-space-size=\d+|enable-source-maps|async-stack-traces)$/,
    'executed',
    ([flag]) => runsNode(flag, '-e', ''),
  ],
];

/** @throws for a line that nobody knows, and when what it needs is not so */
export async function verdictOn(line: string, stage: Stage): Promise<Verdict> {
  for (const [pattern, verdict, attempt] of KINDS) {
    const match = pattern.exec(line);
    if (match === null) continue;
    await attempt(match, stage);
    return verdict;
  }
  throw new Error('nobody knows this line');
}

export const renderChart = (): Manifest[] => render('v4');
