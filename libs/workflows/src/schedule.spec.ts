import type { Definition, Schedule } from '@app/dsl';
import { describe, expect, test } from 'vitest';
import { nextTick, tickAfter } from './schedule.js';

const definitionOf = (schedule: Schedule, timezone = 'UTC'): Definition => ({
  document: { dsl: '1.0.3', namespace: 'test', name: 'one', version: '1.0.0', metadata: { timezone } },
  schedule,
  do: [],
});

/** The first ticks after a moment, when each is reckoned so long after the one before. */
function ticks(schedule: Schedule, timezone: string, from: string, count: number, lateMs = 0): (string | undefined)[] {
  const definition = definitionOf(schedule, timezone);
  let after = new Date(from);
  return Array.from({ length: count }, () => {
    const next = nextTick(definition, after);
    after = new Date((next?.getTime() ?? 0) + lateMs);
    return next?.toISOString().slice(0, 16);
  });
}

/** When clocks in Berlin are put forward from 02:00 to 03:00 (01:00 UTC), and back from 03:00 to 02:00 (01:00 UTC). */
const [SPRING, AUTUMN] = ['2027-03-28', '2027-10-31'];
const LATE = 700;

describe('a time of the day', () => {
  test.each([0, LATE, 45 * 60_000])(
    'that does not exist comes once, when the clock is put forward; %i ms late',
    (late) => {
      const found = ticks({ cron: '30 2 * * *' }, 'Europe/Berlin', '2027-03-27T12:00:00Z', 2, late);
      expect(found).toEqual([`${SPRING}T01:00`, '2027-03-29T00:30']);
    },
  );

  test.each([0, LATE, 45 * 60_000, 75 * 60_000])('that exists twice comes once, the first time; %i ms late', (late) => {
    const found = ticks({ cron: '30 2 * * *' }, 'Europe/Berlin', '2027-10-30T12:00:00Z', 2, late);
    expect(found).toEqual([`${AUTUMN}T00:30`, '2027-11-01T01:30']);
  });

  test('is never one that is over, whenever in the hour that comes twice it is asked for', () => {
    for (let minute = 0; minute < 180; minute++) {
      const asked = new Date(Date.parse(`${AUTUMN}T00:00:00Z`) + minute * 60_000);
      const [next = ''] = ticks({ cron: '30 2 * * *' }, 'Europe/Berlin', asked.toISOString(), 1);
      expect(Date.parse(`${next}Z`)).toBeGreaterThan(asked.getTime());
    }
  });

  test.each([
    ['America/New_York', '30 2 * * *', '2027-03-13T12:00:00Z', ['2027-03-14T07:00', '2027-03-15T06:30']],
    // Half an hour is skipped there.
    ['Australia/Lord_Howe', '15 2 * * *', '2027-10-02T12:00:00Z', ['2027-10-02T15:30', '2027-10-03T15:15']],
    ['Asia/Kolkata', '30 2 * * *', '2027-03-27T12:00:00Z', ['2027-03-27T21:00', '2027-03-28T21:00']],
    ['UTC', '30 2 * * *', '2027-03-27T12:00:00Z', ['2027-03-28T02:30', '2027-03-29T02:30']],
  ])('goes by the clock of %s', (zone, cron, from, expected) =>
    expect(ticks({ cron }, zone, from, 2, LATE)).toEqual(expected),
  );
});

describe('several times a day', () => {
  test('go on as on any day: each quarter of an hour, through both changes', () => {
    for (const day of [SPRING, AUTUMN]) {
      const found = ticks({ cron: '*/15 * * * *' }, 'Europe/Berlin', `${day}T00:00:00Z`, 8, LATE);
      expect(found.map((time) => time?.slice(11))).toEqual([
        '00:15',
        '00:30',
        '00:45',
        '01:00',
        '01:15',
        '01:30',
        '01:45',
        '02:00',
      ]);
    }
  });

  test('that do not exist do not come, and come twice when they exist twice', () => {
    const at = (from: string) => ticks({ cron: '0,30 2 * * *' }, 'Europe/Berlin', from, 4, LATE);
    expect(at('2027-03-27T12:00:00Z')).toEqual([
      '2027-03-29T00:00',
      '2027-03-29T00:30',
      '2027-03-30T00:00',
      '2027-03-30T00:30',
    ]);
    expect(at('2027-10-30T12:00:00Z')).toEqual([
      `${AUTUMN}T00:00`,
      `${AUTUMN}T00:30`,
      `${AUTUMN}T01:00`,
      `${AUTUMN}T01:30`,
    ]);
  });
});

test('a schedule of every and after reckons in time that passes, whatever clocks say', () => {
  for (const kind of ['every', 'after'] as const)
    expect(ticks({ [kind]: { hours: 1 } }, 'Europe/Berlin', `${SPRING}T00:30:00Z`, 3)).toEqual([
      `${SPRING}T01:30`,
      `${SPRING}T02:30`,
      `${SPRING}T03:30`,
    ]);
});

describe('the tick after one that came late', () => {
  test.each<[string, Schedule, string, string]>([
    ['every keeps its beat', { every: { hours: 1 } }, '2027-01-01T00:00:00.700Z', '2027-01-01T01:00:00.000Z'],
    ['every, at once', { every: { hours: 1 } }, '2027-01-01T00:00:00.000Z', '2027-01-01T01:00:00.000Z'],
    ['every, before it by this clock', { every: { hours: 1 } }, '2026-12-31T23:59:59.000Z', '2027-01-01T01:00:00.000Z'],
    ['every, when more were missed', { every: { hours: 1 } }, '2027-01-01T05:20:00.000Z', '2027-01-01T06:00:00.000Z'],
    ['cron', { cron: '*/10 * * * *' }, '2027-01-01T00:00:00.700Z', '2027-01-01T00:10:00.000Z'],
    ['cron, before it by this clock', { cron: '0 0 * * *' }, '2026-12-31T23:59:59.000Z', '2027-01-02T00:00:00.000Z'],
    ['cron, when more were missed', { cron: '*/10 * * * *' }, '2027-01-01T05:25:00.000Z', '2027-01-01T05:30:00.000Z'],
    ['after begins anew', { after: { hours: 1 } }, '2027-01-01T05:20:00.000Z', '2027-01-01T06:20:00.000Z'],
  ])('%s', (_, schedule, now, expected) => {
    const next = tickAfter(definitionOf(schedule), new Date('2027-01-01T00:00:00Z'), new Date(now));
    expect(next?.toISOString()).toBe(expected);
  });
});
