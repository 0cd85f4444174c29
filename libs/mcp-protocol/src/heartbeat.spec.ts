import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Heartbeat } from './heartbeat.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('one timer beats for all members, and only while there are some', () => {
  const heartbeat = new Heartbeat(1000);
  const members = Array.from({ length: 50 }, () => ({ beats: 0, beat: () => undefined }));
  const counted = members.map((member) => ({ ...member, beat: () => void member.beats++ }));
  counted.forEach((member) => heartbeat.add(member));
  expect(vi.getTimerCount()).toBe(1);
  vi.advanceTimersByTime(2000);
  expect(new Set(members.map(({ beats }) => beats))).toEqual(new Set([2]));
  counted.forEach((member) => heartbeat.remove(member));
  vi.advanceTimersByTime(1000);
  expect(vi.getTimerCount()).toBe(0);
  expect(members[0]?.beats).toBe(2);
});
