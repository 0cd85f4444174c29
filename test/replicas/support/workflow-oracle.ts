import { until } from '../../support/until.js';
import type { Cluster } from './cluster.js';
import { errorsLogged, type Outage } from './oracle.js';
import type { Heard } from './recording-service.js';
import { Resends } from './resends.js';
import { judgeUndoing } from './undoing-oracle.js';
import { hearWitness, type Testimony } from './witness.js';
import type { StartedRun } from './workflow-clients.js';

interface Evidence {
  readonly cluster: Cluster;
  readonly runs: readonly StartedRun[];
  readonly outages: readonly Outage[];
  /** What the service was told. */
  readonly heard: readonly Heard[];
}

/** By then agents have been told of what was canceled last. */
const SETTLED_MS = 30_000;
/** By then a run at work has seen that it is paused. */
const SEEN_MS = 1_500;
const STEP = 'io.serverlessworkflow.task.';

/** What was said, to an agent or the service; the same one as often as it was sent. */
interface Said {
  readonly text: string;
  readonly id: string;
}

/** Everything that went wrong with runs, in words. */
export async function judgeRuns({ cluster, runs, outages, heard }: Evidence): Promise<string[]> {
  const found = await leftovers(cluster);
  const ledgers = await Promise.all(cluster.agentNames.map((name) => cluster.agents.ledger(name)));
  const messages = ledgers.flatMap((ledger) => ledger.messages);
  const said = [
    ...messages.map(({ text, messageId }) => ({ text, id: messageId })),
    ...heard.map(({ text, key }) => ({ text, id: key })),
  ];
  for (const run of runs) {
    const about = (what: string) => `${run.plan.token} (${run.plan.ends}, run ${run.runId}): ${what}`;
    const own = said.filter(({ text }) => belongsTo(text, run.plan.token));
    found.push(...[...(await endedRight(cluster, run)), ...saidRight(run, own)].map(about));
  }
  const testimony = await hearWitness(cluster);
  const onceAtMost = new Set(runs.flatMap(({ plan }) => [...plan.onceAtMost.keys()]));
  const resends = new Resends(testimony, outages, onceAtMost);
  found.push(...resends.judgeMessages(messages), ...resends.judgeRequests(heard), ...resends.judgeExecutions());
  found.push(...(await recordedOnce(cluster)), ...(await toldOnce(cluster, runs)));
  found.push(...(await pausedRight(cluster, testimony, outages)));
  found.push(...(await judgeUndoing({ cluster, runs, messages, runOf: (id) => resends.runOf(id) })));
  found.push(...(await agentsTold(cluster, new Set(ledgers.flatMap(({ cancels }) => cancels)))));
  found.push(...errorsLogged({ cluster, tolerates: ['unavailable'] }));
  return found;
}

const belongsTo = (text: string, token: string): boolean => text.split(/[ .]/).some((word) => isOf(word, token));
const isOf = (word: string, token: string): boolean => word === token || word.startsWith(`${token}-`);

/** Nothing is left of runs that are over: no task that somebody works on, no question, no thread. */
async function leftovers(cluster: Cluster): Promise<string[]> {
  let left: Record<string, unknown>[] = [];
  const look = async () => {
    left = await cluster.rows(`
      select 'a task is not over' as what, id::text, agent, state, executor::text, due_at::text from tasks
        where finished_at is null or executor is not null
      union all
      select 'a wait is open', a.id::text, a.kind, t.state, a.frame, null from workflow_waits a
        join tasks t on t.id = a.run_id where a.closed_at is null and t.finished_at is not null
      union all
      select 'a frame is left', f.run_id::text, f.id, t.state, null, null from workflow_frames f
        join tasks t on t.id = f.run_id where t.finished_at is not null and t.state <> 'failed'`);
    return left.length === 0;
  };
  await until('nothing is left', look, SETTLED_MS).catch(() => undefined);
  return left.map((row) => JSON.stringify(row));
}

async function endedRight(cluster: Cluster, { plan, runId }: StartedRun): Promise<string[]> {
  const [row] = await cluster.rows(
    `select t.state, t.message, (select body from task_artifacts a where a.task_id = t.id) as output
     from tasks t where t.id = '${runId}'`,
  );
  if (row?.state !== plan.ends) return [`ended ${String(row?.state)}: ${JSON.stringify(row?.message)}`];
  const isRight = plan.ends !== 'completed' || JSON.stringify(row.output).includes(`{"done":"${plan.token}"}`);
  return isRight ? [] : [`gave ${JSON.stringify(row.output)}`];
}

/** What was said, however often each was sent. */
function saidRight({ plan }: StartedRun, own: readonly Said[]): string[] {
  const ids = new Map<string, Set<string>>();
  for (const { text, id } of own) ids.set(text, (ids.get(text) ?? new Set()).add(id));
  const said = (text: string) => ids.get(text)?.size ?? 0;
  const isCanceled = plan.ends === 'canceled';
  const wrong = [...plan.says].filter(([text, times]) => (isCanceled ? said(text) > times : said(text) !== times));
  const often = [...plan.onceAtMost].filter(([text, times]) => said(text) > times);
  const known = (text: string) =>
    plan.says.has(text) || plan.maySay.has(text) || plan.onceAtMost.has(text) || text.startsWith('undo ');
  return [
    ...[...wrong, ...often].map(([text, times]) => `"${text}" was said ${said(text)} times, not ${times}`),
    ...[...ids.keys()].filter((text) => !known(text)).map((text) => `"${text}" was said, and nobody had asked for it`),
  ];
}

/** Each execution of a task has one beginning and at most one end, and the run's events have no gaps. */
async function recordedOnce(cluster: Cluster): Promise<string[]> {
  const twice = await cluster.rows(`
    select task_id, body ->> 'frame' as frame, body ->> 'key' as key, body ->> 'type' as type, count(*)::int as n
    from task_events where kind = 'step' and body ->> 'type' in ('${STEP}started.v1', '${STEP}completed.v1') and body ->> 'key' <> ''
    group by 1, 2, 3, 4 having count(*) > 1`);
  const gaps = await cluster.rows(`
    select t.id, t.last_seq, count(e.seq)::int as n from tasks t left join task_events e on e.task_id = t.id
    where t.kind = 'workflow' group by t.id
    having count(e.seq) <> t.last_seq or max(e.seq) <> t.last_seq`);
  return [...twice, ...gaps].map((row) => `recorded wrongly: ${JSON.stringify(row)}`);
}

/** Each event that runs tell is told once. */
async function toldOnce(cluster: Cluster, runs: readonly StartedRun[]): Promise<string[]> {
  const rows = await cluster.rows('select type, count(*)::int as n from workflow_inbox group by type');
  const told = new Map(rows.map(({ type, n }) => [String(type), Number(n)]));
  return runs.flatMap(({ plan }) =>
    [...plan.emits].flatMap(([type, times]) => {
      const n = told.get(type) ?? 0;
      const isRight = plan.ends === 'canceled' ? n <= times : n === times;
      return isRight ? [] : [`the event ${type} was told ${n} times, not ${times}`];
    }),
  );
}

/** A run that is paused begins nothing, once it can know. */
async function pausedRight(cluster: Cluster, { pauses }: Testimony, outages: readonly Outage[]): Promise<string[]> {
  const begun = await cluster.rows(`
    select e.task_id as run, (extract(epoch from e.at) * 1000)::float8 as at, e.body ->> 'task' as task
    from task_events e join workflow_runs r on r.run_id = e.task_id
    where e.kind = 'step' and e.body ->> 'type' = '${STEP}started.v1' and e.body ->> 'frame' <> 'undo'`);
  return pauses.flatMap((pause) => {
    if (!pause.paused) return [];
    const end = pauses.find(({ run, at }) => run === pause.run && at > pause.at)?.at ?? Infinity;
    const late = outages.filter(({ from, to }) => from < pause.at + SEEN_MS && to > pause.at);
    const seen = Math.max(pause.at, ...late.map(({ to }) => to)) + SEEN_MS;
    return begun
      .filter(({ run, at }) => run === pause.run && Number(at) > seen && Number(at) < end)
      .map(({ task, at }) => `${pause.run} was paused, and began ${String(task)} ${Number(at) - pause.at} ms later`);
  });
}

/** Agents hear of every step that nobody wants any more. */
async function agentsTold(cluster: Cluster, cancels: ReadonlySet<string>): Promise<string[]> {
  const rows = await cluster.rows(
    `select id, agent, upstream_id from tasks where state = 'canceled' and kind = 'agent' and upstream_id is not null`,
  );
  return rows
    .filter(({ upstream_id }) => !cancels.has(String(upstream_id)))
    .map((row) => `canceled, and its agent was not told: ${JSON.stringify(row)}`);
}
