import { type Definition, durationMs, nextCronTime } from '@app/dsl';

/** When a workflow begins by schedule next after that moment; null: never. DSL 1.0.3, "Schedule". */
export function nextTick({ document, schedule }: Definition, after: Date): Date | null {
  if (schedule?.cron !== undefined) return nextCronTime(schedule.cron, timeZoneOf(document.metadata), after) ?? null;
  const pause = schedule?.every ?? schedule?.after;
  return pause === undefined ? null : new Date(after.getTime() + durationMs(pause));
}

/** IANA; of a schedule's times. */
const timeZoneOf = (metadata: Record<string, unknown> | undefined): string =>
  typeof metadata?.timezone === 'string' ? metadata.timezone : 'UTC';
