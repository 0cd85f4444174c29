import type { TimeRange } from './grant.js';

const MINUTES_A_DAY = 24 * 60;
const WEEKDAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

/** Formatters are costly to make and few. */
const formatters = new Map<string, Intl.DateTimeFormat>();

/** Whether a moment lies in the range, by the clock of its time zone. The end does not belong to it. */
export function isWithin({ from, to, timeZone, days }: TimeRange, moment: Date): boolean {
  const { minute, day } = clockIn(timeZone, moment);
  const begin = minuteOf(from);
  const end = minuteOf(to);
  const isOn = (weekday: number) => days === undefined || days.includes(weekday);
  if (begin < end) return isOn(day) && minute >= begin && minute < end;
  // Over midnight, or all day when both are the same.
  return (isOn(day) && minute >= begin) || (isOn(day === 1 ? 7 : day - 1) && minute < end);
}

/** @throws RangeError for a time zone that there is not */
export function clockIn(timeZone: string, moment: Date): { minute: number; day: number } {
  let formatter = formatters.get(timeZone);
  if (formatter === undefined) {
    const parts = { weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;
    formatter = new Intl.DateTimeFormat('en-US', { timeZone, ...parts });
    formatters.set(timeZone, formatter);
  }
  const parts = new Map(formatter.formatToParts(moment).map(({ type, value }) => [type, value]));
  const minute = Number(parts.get('hour')) * 60 + Number(parts.get('minute'));
  return { minute: minute % MINUTES_A_DAY, day: WEEKDAYS.indexOf(parts.get('weekday') ?? '') + 1 };
}

function minuteOf(time: string): number {
  const [hours, minutes] = time.split(':');
  return Number(hours) * 60 + Number(minutes);
}
