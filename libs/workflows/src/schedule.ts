import { type Definition, durationMs, nextCronTime } from '@app/dsl';
import type { EntityManager } from 'typeorm';
import type { RunState } from './sql-state.js';

/** When a workflow begins by schedule next after that moment; null: never. DSL 1.0.3, "Schedule". */
export function nextTick({ document, schedule }: Definition, after: Date): Date | null {
  if (schedule?.cron !== undefined) return nextCronTime(schedule.cron, timeZoneOf(document.metadata), after) ?? null;
  const pause = schedule?.every ?? schedule?.after;
  return pause === undefined ? null : new Date(after.getTime() + durationMs(pause));
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
