import type { DataSource } from 'typeorm';

/** Runs that one statement removes. */
const BATCH = 500;

/** Removes what belongs to runs whose tasks are gone. Replicas do this side by side. @returns how many runs */
export async function removeRuns(db: DataSource): Promise<number> {
  for (let all = 0; ;) {
    const rows: { n: number }[] = await db.query(
      `with gone as (
         select run_id from workflow_runs r where not exists (select 1 from tasks t where t.id = r.run_id)
         limit ${BATCH} for update skip locked
       ), frames as (
         delete from workflow_frames f using gone g where f.run_id = g.run_id
       ), waits as (
         delete from workflow_waits w using gone g where w.run_id = g.run_id
       ), runs as (
         delete from workflow_runs r using gone g where r.run_id = g.run_id returning 1
       )
       select count(*)::int as n from runs`,
    );
    const n = rows[0]?.n ?? 0;
    all += n;
    if (n < BATCH) return all;
  }
}

/** Removal of patterns waits so long for those who are adding some, and keeps others waiting no longer. */
const LOCK_MS = 500;
const UNUSED = `pattern not in (
  select unnest(patterns) from workflow_waits where kind = 'event' and closed_at is null
)`;

/** Removes what no open `listen` looks at in events. A `listen` that is being stored finds its pattern there, or adds it. */
export async function removePatterns(db: DataSource): Promise<void> {
  const unused: unknown[] = await db.query(`select 1 from workflow_patterns where ${UNUSED} limit 1`);
  if (unused.length === 0) return;
  await db.transaction(async (manager) => {
    await manager.query(`set local lock_timeout = ${LOCK_MS}`);
    await manager.query('lock table workflow_patterns in share row exclusive mode');
    await manager.query(`delete from workflow_patterns where ${UNUSED}`);
  });
}
