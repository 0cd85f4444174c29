import { type Definition, durationMs, nextCronTime } from '@app/dsl';
import type { EntityManager } from 'typeorm';
import type { RunState } from './sql-state.js';
import { Workflow } from './workflow.entity.js';

/** When a workflow begins by schedule next after that moment; null: never. DSL 1.0.3, "Schedule". */
export function nextTick({ document, schedule }: Definition, after: Date): Date | null {
  if (schedule?.cron !== undefined) return nextCronTime(schedule.cron, timeZoneOf(document.metadata), after) ?? null;
  const pause = schedule?.every ?? schedule?.after;
  return pause === undefined ? null : new Date(after.getTime() + durationMs(pause));
}

/** The tick after one that has come, of a schedule that goes by the clock; those that were missed meanwhile are none. */
export function tickAfter(definition: Definition, tick: Date, now: Date): Date | null {
  const { every } = definition.schedule ?? {};
  if (every === undefined) return nextTick(definition, tick > now ? tick : now);
  const pause = durationMs(every);
  const passed = Math.max(Math.floor((now.getTime() - tick.getTime()) / pause), 0);
  return new Date(tick.getTime() + (passed + 1) * pause);
}

/**
 * Of the versions of a workflow the newest active one has a schedule, and no other; in the transaction that changes one's
 * status, or adds it.
 */
export async function handOverSchedule(
  manager: EntityManager,
  { name, position }: Pick<Workflow, 'name' | 'position'>,
): Promise<void> {
  const [newest] = await manager.find(Workflow, {
    where: { name, status: 'active' },
    order: { position: 'desc' },
    take: 1,
  });
  await manager.query('update workflows set next_at = null where name = $1 and id is distinct from $2', [
    name,
    newest?.id ?? null,
  ]);
  // One that is newer goes on as it was.
  if (newest === undefined || newest.position > position) return;
  const nextAt = newest.paused ? null : nextTick(newest.definition, new Date());
  await manager.update(Workflow, newest.id, { nextAt });
}

/** A schedule of `after` goes on when the run that it began is over; in the transaction that ends the run. */
export async function scheduleNext(
  manager: EntityManager,
  { workflow_id, definition, scheduled }: Pick<RunState, 'workflow_id' | 'definition' | 'scheduled'>,
): Promise<void> {
  if (!scheduled || definition.schedule?.after === undefined) return;
  await manager.query(
    `update workflows w set next_at = $2
     where id = $1 and next_at is null and status = 'active' and not paused
       and not exists (select 1 from workflows n where n.name = w.name and n.position > w.position and n.status = 'active')`,
    [workflow_id, nextTick(definition, new Date())],
  );
}

/** IANA; of a schedule's times. */
const timeZoneOf = (metadata: Record<string, unknown> | undefined): string =>
  typeof metadata?.timezone === 'string' ? metadata.timezone : 'UTC';
