import { randomUUID } from 'node:crypto';
import pg from 'pg';
import type { TestServer } from '../../support/server.js';
import { until } from '../../support/until.js';
import { postWorkflow } from '../../support/workflow-runs.js';

/** One task that waits, and one that shows that the run went on. */
const KINDS: Readonly<Record<string, object>> = {
  event: {
    listen: {
      to: {
        one: { with: { type: 'order.paid' }, correlate: { order: { from: '.data.order', expect: '${ .order }' } } },
      },
    },
  },
  person: { call: 'human', with: { prompt: 'May I?' } },
  time: { wait: { days: 30 } },
};
const THEN = { done: { set: { order: '${ $workflow.input.order }' } } };
/** Tables with rows of a run, and how they name it. */
const TABLES = {
  tasks: 'id',
  task_events: 'task_id',
  workflow_runs: 'run_id',
  workflow_frames: 'run_id',
  workflow_waits: 'run_id',
};
const AT_ONCE = 10;

/** A run that waits, by what it waits for. */
export interface WaitingRun {
  readonly run: string;
  readonly kind: 'event' | 'person' | 'time';
  readonly order: string;
  /** The question. */
  readonly wait: string | null;
}

/** Starts so many runs of each kind, and waits until the server holds none of them any more. */
export async function startWaitingRuns(server: TestServer, each: number): Promise<void> {
  for (const [kind, waits] of Object.entries(KINDS)) await postWorkflow(server, `waits-for-${kind}`, [{ waits }, THEN]);
  for (let n = 0; n < each; n += AT_ONCE)
    await Promise.all(
      Array.from({ length: Math.min(AT_ONCE, each - n) }, () =>
        Promise.all(
          Object.keys(KINDS).map((kind) =>
            server.json(202, 'POST', `/api/v1/workflows/waits-for-${kind}/runs`, { input: { order: randomUUID() } }),
          ),
        ),
      ),
    );
  const client = await connected(server.databaseUrl);
  const waiting = `select count(*)::int as n from tasks where executor is null and last_seq > 0`;
  await until('all of them wait', async () => (await client.query(waiting)).rows[0].n === each * 3, 60_000);
  await client.end();
}

/**
 * Stores each run so many times more: the rows that the product wrote, with fresh ids wherever a row names one of its run.
 * Nobody may work on them meanwhile.
 */
export async function multiplyRuns(url: string, copies: number): Promise<void> {
  const client = await connected(url);
  await client.query(`
    create temp table originals as
    select r.run_id, array_agg(w.id::text) filter (where w.id is not null) || array[r.run_id::text, r.input ->> 'order'] as ids
    from workflow_runs r left join workflow_waits w using (run_id) group by r.run_id, r.input ->> 'order'`);
  // Ids are ordered by the time that they begin with.
  await client.query(`
    create function pg_temp.with_fresh_ids(body text, ids text[], copy int) returns json language plpgsql as $$
    declare id text;
    begin
      foreach id in array ids loop
        body := replace(body, id, left(id, 24) || left(md5(id || copy), 12));
      end loop;
      return body;
    end $$`);
  for (const [table, key] of Object.entries(TABLES))
    await client.query(
      `insert into ${table} select fresh.*
       from ${table} t join originals o on o.run_id = t.${key} cross join generate_series(1, $1) as copy
       cross join lateral json_populate_record(null::${table}, pg_temp.with_fresh_ids(to_json(t)::text, o.ids, copy)) as fresh`,
      [copies],
    );
  await client.query(`vacuum analyze ${Object.keys(TABLES).join()}`);
  await client.end();
}

/** Runs that wait, in no order. */
export async function waitingRuns(url: string, kind: WaitingRun['kind'], limit: number): Promise<WaitingRun[]> {
  const client = await connected(url);
  const { rows } = await client.query<WaitingRun>(
    `select r.run_id as run, $1 as kind, r.input ->> 'order' as order, w.id as wait
     from workflow_runs r join workflows f on f.id = r.workflow_id left join workflow_waits w on w.run_id = r.run_id
     join tasks t on t.id = r.run_id
     where f.name = 'waits-for-' || $1 and t.finished_at is null order by md5(r.run_id::text) limit $2`,
    [kind, limit],
  );
  await client.end();
  return rows;
}

export async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client(url);
  await client.connect();
  return client;
}

/** Brings a run what it waits for. */
export async function signal(server: TestServer, { kind, order, wait }: WaitingRun): Promise<void> {
  if (kind === 'event')
    await server.json(202, 'POST', '/api/v1/events', {
      specversion: '1.0',
      id: order,
      source: '/shop',
      type: 'order.paid',
      data: { order },
    });
  else await server.json(200, 'POST', `/api/v1/approvals/${wait}/answer`, { answer: { approved: true } });
}
