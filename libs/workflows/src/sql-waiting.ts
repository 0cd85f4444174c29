import type { Wait } from '@app/telemetry';
import type { DataSource } from 'typeorm';

/** Runs that wait, by what for; each is read from an index alone. A run that waits for an answer with a limit waits for both. */
export async function countWaiting(db: Pick<DataSource, 'query'>): Promise<Record<Wait, number>> {
  const rows: Record<Wait, number>[] = await db.query(
    `select count(*) filter (where w.kind = 'human')::int as person, count(*) filter (where w.kind = 'event')::int as event,
       (select count(*)::int from tasks where kind = 'workflow' and due_at > now()) as timer
     from (select distinct kind, run_id from workflow_waits where closed_at is null) w`,
  );
  return rows[0] ?? { person: 0, event: 0, timer: 0 };
}
