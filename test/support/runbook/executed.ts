import { copyFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { must } from './must.js';
import { podsWith } from './objects.js';
import type { Kind, Stage, Try } from './kinds.js';

/** Agents in the database of operators. */
export const AGENTS = 10_000;

const typed: Try = async ([line], { operator }) => void (await operator.mustType(line));

/** A query to Prometheus, which has something to answer. */
const queried: Try = async ([line], { operator }) => {
  const { status, data } = JSON.parse(await operator.mustType(line)) as { status: string; data: { result: unknown[] } };
  must(status === 'success' && data.result.length > 0, 'Prometheus has nothing to this query');
};

const answered: Try = async ([line], { operator }) => {
  must((await operator.mustType(line)) !== '', 'there is no answer');
};

/** Also with a key: an answer, and not one that complains. */
const asked: Try = async ([line], { operator }) => {
  const code = await operator.mustType(line.replace(/^curl /, "curl -o answer -w '%{http_code}' "));
  // What the example names is nobody's.
  must(code.startsWith('2') || (code === '404' && line.includes('0123456789ab')), `answered ${code}`);
};

const grepped: Try = async ([line, label = ''], stage) => {
  must(podsWith(stage, label).join() === 'a2a-mcp-server', `${label} finds ${podsWith(stage, label).join()}`);
  await stage.operator.mustType(line); // grep fails when it finds nothing
};

const sql: Try = async ([line], { operator }) => void (await operator.mustType('psql -v ON_ERROR_STOP=1', line));

/** A command that is typed into the redis-cli which the line before it has opened. */
const toRedis: Try = async ([line], { operator }) => {
  const reply = await operator.mustType('kubectl exec -it -n a2a-mcp <redis-pod> -- redis-cli', `${line}\n`);
  must(!/^(?:\(error\) )?(?:ERR|WRONG|NO)/m.test(reply), reply);
};

/** The name in the restore is an example: the backup that was just made gets it. */
const unpacked: Try = async ([line, name = ''], stage) => {
  const today = (await stage.operator.mustType('ls backup-*.sql.gz')).trim().split('\n')[0] ?? '';
  const [from, to] = [join(stage.operator.directory, today), join(stage.operator.directory, name)];
  if (from !== to) copyFileSync(from, to);
  await stage.operator.mustType(line);
};

/** Into an empty database everything comes back. Into one with tables it does not, which is why ours makes an empty one. */
const restored: Try = async ([line], { operator, database }) => {
  const [before] = await database.query("select count(*)::int as n from pg_tables where schemaname = 'public'");
  const { code, stderr } = await operator.type(line);
  const [after] = await database.query('select count(*)::int as n from agents');
  must(code === 0 && after?.['n'] === AGENTS, `ended with ${code} and ${String(after?.['n'])} agents: ${stderr}`);
  if (before?.['n'] === 0) must(!stderr.includes('ERROR'), stderr);
  else must(stderr.includes('already exists'), 'a restore into a living database complained of nothing');
};

const agentIndexIsUsed: Try = async ([line], { operator }) => {
  const plan = await operator.mustType('psql', line);
  must(/Index Scan (?:using|on) idx_agents_category/.test(plan), `the plan does not use idx_agents_category:\n${plan}`);
};

/** @returns a try for a line that cannot work, whose failure is the one that our runbook tells */
const failsWith =
  (reason: RegExp): Try =>
  async ([line], { operator }) => {
    const { code, stdout, stderr } = await operator.type(line);
    must(code !== 0 && reason.test(stderr), `ended with ${code}, not with ${String(reason)}: ${stdout}${stderr}`);
  };

const exists = ({ operator }: Stage, name: string): boolean => existsSync(join(operator.directory, name));

/** Lines that an operator types into a shell, psql or redis-cli. */
export const EXECUTED: readonly Kind[] = [
  [/^kubectl logs -n a2a-mcp -l (\S+) \| grep "?([^"]+)"?$/, 'executed', grepped],
  [/^kubectl exec -it -n a2a-mcp <redis-pod> -- redis-cli$/, 'executed', typed],
  [
    /^kubectl exec .*-- node (?:-e "(?:console|new ).*"|dist\/apps\/server\/src\/main\.js audit verify)$/,
    'executed',
    typed,
  ],
  [
    /^kubectl exec .*-- node -e "require\('pg'\)\.Pool\(\{\}\).*"$/,
    'exempt',
    failsWith(/cannot be invoked without 'new'/),
  ],
  [
    /^curl 'http:\/\/prometheus:9090\/api\/v1\/query\?query=rate\(a2a_\w+\[5m\]\)'$/,
    'exempt',
    failsWith(/bad range in URL/),
  ],
  [/^curl (?:-g )?'http:\/\/prometheus:9090\/api\/v1\/query\?query=.*'$/, 'executed', queried],
  [/^curl http:\/\/(?:<pod-ip>|<loadbalancer-ip>|localhost):3000\S+(?: \| grep \w+)?$/, 'executed', answered],
  [/^curl (?:-X \w+ )?-H "Authorization: Bearer \$KEY" '?http:\/\/<loadbalancer-ip>:3000[^']+'?$/, 'executed', asked],
  [/^psql -c ".*"$/, 'executed', typed],
  [/^psql -h localhost -U postgres -d a2a_mcp$/, 'executed', typed],
  [/^psql -h \$POSTGRES_HOST -U \$POSTGRES_USER -d \w+ -c .*$/, 'executed', typed],
  [
    /^pg_dump -h \$POSTGRES_HOST .* > (backup)-\$\(date \+%Y%m%d\)\.sql$/,
    'executed',
    async (match, stage) => {
      await typed(match, stage);
      await stage.operator.mustType('test -s backup-$(date +%Y%m%d).sql');
    },
  ],
  [/^gzip backup-\$\(date \+%Y%m%d\)\.sql$/, 'executed', typed],
  [/^gunzip (backup-\d+\.sql\.gz)$/, 'executed', unpacked],
  [
    /^psql -h \$POSTGRES_HOST -U \$POSTGRES_USER -d a2a_mcp < (backup-\d+\.sql)$/,
    'executed',
    async (match, stage) => {
      must(exists(stage, match[1] ?? ''), `there is no ${match[1]}`);
      await restored(match, stage);
    },
  ],
  [
    /^CREATE INDEX (idx_\w+) ON (?:agents|workflows).*;$/,
    'executed',
    // It is there from the start.
    async ([line, name = ''], { operator }) => {
      const { stderr } = await operator.type('psql', line);
      must(stderr.includes(`relation "${name}" already exists`), stderr || 'the index was not there');
    },
  ],
  [/^EXPLAIN .* WHERE category = .*;$/, 'executed', agentIndexIsUsed],
  [/^VACUUM .*;$/, 'executed', sql],
  [
    /^(?:FLUSHDB|KEYS a2a:\*|DEL a2a:session:\w+|CONFIG SET maxmemory\S* \S+|INFO memory|SLOWLOG GET \d+)$/,
    'executed',
    toRedis,
  ],
  [/^open http:/, 'exempt', () => undefined], // of macOS
  [
    /^--(?:max-old-space-size=\d+|enable-source-maps|async-stack-traces)$/,
    'executed',
    async ([flag], { operator }) => void (await operator.mustType(`node ${flag} -e ''`)),
  ],
];
