import type { LedgerMessage } from '../../../apps/demo-agent/src/ledger.js';
import { ADMIN_KEY } from '../../support/server.js';
import { until } from '../../support/until.js';
import type { CallRecord, Trouble } from './calls.js';
import type { Cluster } from './cluster.js';
import { type Task, textOf } from './rest-caller.js';

/** When something was broken, by `Date.now()`. */
export interface Outage {
  readonly what: string;
  readonly from: number;
  readonly to: number;
  /** May hide an agent's first sign of life, so that the message is sent again, architecture.md §3. */
  readonly hidesSigns: boolean;
  /** Of the server process that was struck; undefined: all of them were. */
  readonly pid?: number;
}

/** From sending a message until the agent's first sign of life is stored. */
const FIRST_SIGN_MS = 1_000;
/** By then every task is over or waits, takeovers included. */
const SETTLED_MS = 30_000;

export interface Evidence {
  readonly cluster: Cluster;
  readonly calls: readonly CallRecord[];
  readonly outages: readonly Outage[];
  readonly tolerates: readonly Trouble[];
}

/** Everything that went wrong, in words; empty when all promises were kept. */
export async function judge(evidence: Evidence): Promise<string[]> {
  const { cluster, calls, tolerates } = evidence;
  const found: string[] = [];
  await settled(cluster).catch((error: Error) => void found.push(`a task was lost: ${error.message}`));
  for (const { name, died } of cluster.replicas) if (died) found.push(`${name} died by itself`);
  const tasks = await storedTasks(cluster);
  const heard = await heardByAgents(cluster);
  for (const call of calls) {
    const about = (what: string) => `${call.token} (${call.door}, ${call.plan.agent}, task ${call.taskId}): ${what}`;
    found.push(...call.wrongs.map(about));
    for (const { kind, what } of call.troubles) if (!tolerates.includes(kind)) found.push(about(`${kind}: ${what}`));
    found.push(...(await recordedRight(cluster, call, tasks, heard)).map(about));
    found.push(...sentRight(evidence, heard.of(call)).map(about));
  }
  found.push(...(await eventsRight(cluster)));
  found.push(...errorsLogged(evidence));
  return found;
}

/** No task lost: each is over or waits for its caller, and nobody owns it any more. */
async function settled(cluster: Cluster): Promise<void> {
  let left: Record<string, unknown>[] = [];
  try {
    await until(
      'every task settles',
      async () => {
        left = await cluster.rows(
          `select id, agent, state, executor, epoch, attempts, due_at, upstream_id, created_at from tasks
           where rested_at is null or executor is not null`,
        );
        return left.length === 0;
      },
      SETTLED_MS,
    );
  } catch (error) {
    throw new Error(`${String(error)}: ${JSON.stringify(left)}`, { cause: error });
  }
}

interface Stored {
  readonly id: string;
  readonly state: string;
  readonly upstreamId: string | null;
}

async function storedTasks(cluster: Cluster): Promise<Stored[]> {
  const rows = await cluster.rows('select id, state, upstream_id as "upstreamId" from tasks');
  return rows as unknown as Stored[];
}

interface Heard {
  of(call: CallRecord): LedgerMessage[];
  canceled: ReadonlySet<string>;
}

async function heardByAgents(cluster: Cluster): Promise<Heard> {
  const ledgers = await Promise.all(cluster.agentNames.map((name) => cluster.agents.ledger(name)));
  const byToken = grouped(
    ledgers.flatMap(({ messages }) => messages),
    ({ text }) => /\b[a-z]+-\d+-\d+\b/.exec(text)?.[0] ?? '',
  );
  return {
    of: ({ token }) => byToken.get(token) ?? [],
    canceled: new Set(ledgers.flatMap(({ cancels }) => cancels)),
  };
}

/** Recorded once, with what the agent said and what the client was told. */
async function recordedRight(
  { proxy }: Cluster,
  call: CallRecord,
  tasks: readonly Stored[],
  heard: Heard,
): Promise<string[]> {
  const { plan, taskId, token } = call;
  const upstream = new Set(heard.of(call).flatMap((message) => message.taskId ?? []));
  const mine = tasks.filter(({ id, upstreamId }) => id === taskId || (upstreamId !== null && upstream.has(upstreamId)));
  if (mine.length > 1) return [`recorded ${mine.length} times: ${mine.map(({ id }) => id).join()}`];
  const [task] = mine;
  if (task === undefined) return taskId === undefined && !call.told ? [] : ['acknowledged, but there is no such task'];
  if (call.canceled === true) return canceledRight(task, heard);
  // Its client went away before it could answer.
  if (plan.answer !== undefined && !call.told && task.state === 'input-required') return [];
  const answer = await fetch(`${proxy.url}/api/v1/tasks/${task.id}`, {
    headers: { authorization: `Bearer ${ADMIN_KEY}` },
  });
  if (answer.status !== 200) return [`GET answers ${answer.status}`];
  const view = (await answer.json()) as Task;
  if (view.state !== plan.state) return [`${token} is ${view.state} and not ${plan.state}: ${JSON.stringify(view)}`];
  // The sources of a researcher are data and say no text.
  return textOf(view) === plan.says ? [] : [`says "${textOf(view)}" and not "${plan.says}"`];
}

function canceledRight({ state, upstreamId }: Stored, heard: Heard): string[] {
  if (state !== 'canceled') return [`canceled, and yet ${state}`];
  const told = upstreamId === null || heard.canceled.has(upstreamId);
  return told ? [] : [`canceled, but its agent was not told (${upstreamId})`];
}

/** Each thing that is said is one message, and it is sent again only when nobody could know that it had arrived. */
function sentRight({ outages }: Evidence, messages: readonly LedgerMessage[]): string[] {
  const found: string[] = [];
  for (const [text, sent] of grouped(messages, (message) => message.text)) {
    const ids = new Set(sent.map(({ messageId }) => messageId));
    if (ids.size > 1) found.push(`"${text}" was sent as ${ids.size} messages`);
    for (const { at } of sent.slice(0, -1)) {
      if (!isExcused(outages, at))
        found.push(`"${text}" was sent ${sent.length} times: ${sent.map((message) => message.at).join()}`);
    }
  }
  return found;
}

/** Nobody could know whether what was sent then had arrived. */
function isExcused(outages: readonly Outage[], at: string): boolean {
  const time = Date.parse(at);
  return outages.some(({ from, to, hidesSigns }) => hidesSigns && from <= time + FIRST_SIGN_MS && time <= to);
}

/** Numbers without gaps, and one end. */
async function eventsRight(cluster: Cluster): Promise<string[]> {
  const wrong = await cluster.rows(
    `select t.id, t.last_seq, count(e.seq)::int as events, count(*) filter (where e.kind = 'result')::int as ends
     from tasks t left join task_events e on e.task_id = t.id where t.kept_from = 1
     group by t.id having count(e.seq) <> t.last_seq or max(e.seq) <> t.last_seq
       or count(*) filter (where e.kind = 'result') > case when t.agent = 'asker' then 2 else 1 end`,
  );
  return wrong.map((row) => `the events of a task are wrong: ${JSON.stringify(row)}`);
}

/** What is broken on purpose, or slow on a busy machine, is told as an error too. */
const OUTAGES = /^(Redis unreachable|Cannot connect to database|Connection pool exhausted)/;

/** Any other error is a bug; so is a 503 that clients need not have met. */
export function errorsLogged({ cluster: { replicas }, tolerates }: Pick<Evidence, 'cluster' | 'tolerates'>): string[] {
  const allowed = tolerates.includes('unavailable') ? 503 : undefined;
  const lines = replicas
    .flatMap(({ logs }) => logs)
    .filter(
      ({ level, message, status }) =>
        level === 'ERROR' && !OUTAGES.test(message) && (status === undefined || status !== allowed),
    );
  return [...grouped(lines, ({ message }) => message)].map(
    ([message, same]) => `"${message}" was logged ${same.length} times: ${JSON.stringify(same[0])}`,
  );
}

/** In the order in which their keys came first. */
export function grouped<T, K>(list: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of list) {
    const key = keyOf(item);
    groups.set(key, [...(groups.get(key) ?? []), item]);
  }
  return groups;
}
