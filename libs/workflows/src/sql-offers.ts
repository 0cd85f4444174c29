import type { EntityManager } from 'typeorm';

type Db = Pick<EntityManager, 'query'>;

/** An event of the inbox. */
export interface InboxEvent {
  readonly position: number;
  readonly event: Record<string, unknown>;
}

/** What an open `listen` is to look at. */
export interface Offers {
  /** All that came before it was opened has been looked at. */
  readonly looked: boolean;
  /** What came since. */
  readonly events: readonly InboxEvent[];
}

/** Runs that listen for events with one of these keys. */
export async function listeningRuns(db: Db, keys: readonly string[]): Promise<string[]> {
  const rows: { run_id: string }[] = await db.query(
    `select distinct run_id from workflow_waits where kind = 'event' and closed_at is null and keys && $1`,
    [keys],
  );
  return rows.map(({ run_id }) => run_id);
}

/** To everybody who listens for them. After their runs were woken: whoever writes a run locks the run first, too. */
export async function offerEvents(
  db: Db,
  events: readonly { readonly position: string; readonly keys: readonly string[] }[],
): Promise<void> {
  await db.query(
    `update workflow_waits w set offered = w.offered || array(
       select e.position from json_to_recordset($1) as e (position bigint, keys text[])
       where e.keys && w.keys order by e.position)
     where w.kind = 'event' and w.closed_at is null and w.keys && $2`,
    [JSON.stringify(events), events.flatMap(({ keys }) => keys)],
  );
}

export async function readOffers(db: Db, wait: string): Promise<Offers> {
  const rows: Offers[] = await db.query(
    `select w.looked, coalesce(
       (select json_agg(json_build_object('position', i.position, 'event', i.event) order by i.position)
        from workflow_inbox i where i.position = any (w.offered)), '[]') as events
     from workflow_waits w where w.id = $1`,
    [wait],
  );
  return rows[0] ?? { looked: true, events: [] };
}

/** What came before a `listen` was opened need not be looked at again. */
export async function noteLooked(db: Db, wait: string): Promise<void> {
  await db.query('update workflow_waits set looked = true where id = $1', [wait]);
}
