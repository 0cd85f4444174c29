import type { LedgerMessage } from '../../../apps/demo-agent/src/ledger.js';
import { until } from '../../support/until.js';
import type { Cluster } from './cluster.js';
import { errorsLogged, isExcused, type Outage } from './oracle.js';
import type { StartedRun } from './workflow-clients.js';

interface Evidence {
  readonly cluster: Cluster;
  readonly runs: readonly StartedRun[];
  readonly outages: readonly Outage[];
}

/** By then agents have been told of what was canceled last. */
const SETTLED_MS = 30_000;
const STEP = 'io.serverlessworkflow.task.';
const UNDO = 'io.serverlessworkflow.task.compensation.';

/** Everything that went wrong with runs, in words. */
export async function judgeRuns(evidence: Evidence): Promise<string[]> {
  const { cluster, runs, outages } = evidence;
  const found = await leftovers(cluster);
  const messages = (await Promise.all(cluster.agentNames.map((name) => cluster.agents.ledger(name)))).flatMap(
    (ledger) => ledger.messages,
  );
  for (const run of runs) {
    const about = (what: string) => `${run.plan.token} (${run.plan.ends}, run ${run.runId}): ${what}`;
    const own = messages.filter(({ text }) => belongsTo(text, run.plan.token));
    found.push(...[...(await endedRight(cluster, run)), ...saidRight(run, own), ...undoneRight(run, own)].map(about));
  }
  found.push(...sentOnce(messages, outages), ...(await recordedOnce(cluster)), ...(await undoneInOrder(cluster)));
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

/** What was said to agents, however often each message was sent. */
function saidRight({ plan }: StartedRun, messages: readonly LedgerMessage[]): string[] {
  const ids = new Map<string, Set<string>>();
  for (const { text, messageId } of messages) ids.set(text, (ids.get(text) ?? new Set()).add(messageId));
  const said = (text: string) => ids.get(text)?.size ?? 0;
  const isCanceled = plan.ends === 'canceled';
  const wrong = [...plan.says].filter(([text, times]) => (isCanceled ? said(text) > times : said(text) !== times));
  const known = (text: string) => plan.says.has(text) || plan.maySay.has(text) || text.startsWith('undo ');
  return [
    ...wrong.map(([text, times]) => `"${text}" was said ${said(text)} times, not ${times}`),
    ...[...ids.keys()].filter((text) => !known(text)).map((text) => `"${text}" was said, and nobody had asked for it`),
  ];
}

function undoneRight({ plan }: StartedRun, messages: readonly LedgerMessage[]): string[] {
  const undone = messages.filter(({ text }) => text.startsWith('undo '));
  const times = new Map(
    undone.map(({ text }) => [text, new Set(undone.filter((o) => o.text === text).map((o) => o.messageId)).size]),
  );
  const often = [...times].filter(([, n]) => n > 1).map(([text, n]) => `"${text}" was said ${n} times`);
  return plan.ends === 'completed' && undone.length > 0 ? ['completed, and yet undone'] : often;
}

/** The same message is sent again only where nobody could know that it had arrived. */
function sentOnce(messages: readonly LedgerMessage[], outages: readonly Outage[]): string[] {
  const last = new Map<string, LedgerMessage>();
  const found: string[] = [];
  for (const message of messages.toSorted((a, b) => a.at.localeCompare(b.at))) {
    const before = last.get(message.messageId);
    if (before !== undefined && !isExcused(outages, before.at))
      found.push(`"${message.text}" was sent at ${before.at} and again at ${message.at}`);
    last.set(message.messageId, message);
  }
  return found;
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

/** What was done last is undone first, all of it, and nothing else. */
async function undoneInOrder(cluster: Cluster): Promise<string[]> {
  const rows = await cluster.rows(`
    select t.id, t.state,
      array(select e.body ->> 'key' from task_events e where e.task_id = t.id and e.kind = 'step'
        and e.body ->> 'type' = '${STEP}completed.v1' and e.body ->> 'task' in
          (select d.pointer from (select '/do/' || (i.n - 1) || '/' || k.name as pointer, i.task -> k.name as task
             from workflows w, json_array_elements(w.definition -> 'do') with ordinality as i (task, n),
               json_object_keys(i.task) as k (name) where w.id = r.workflow_id) as d
           where d.task -> 'metadata' -> 'compensate' is not null) order by e.seq desc) as done,
      array(select e.body ->> 'key' from task_events e where e.task_id = t.id and e.kind = 'step'
        and e.body ->> 'type' = '${UNDO}started.v1' order by e.seq) as undone
    from tasks t join workflow_runs r on r.run_id = t.id where t.state <> 'completed'`);
  return rows
    .filter(({ done, undone }) => JSON.stringify(done) !== JSON.stringify(undone))
    .map((row) => `undone in another order: ${JSON.stringify(row)}`);
}
