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
  const beats = Array.from({ length: 50 }, () => 0);
  const members = beats.map((_, index) => ({ beat: () => void beats[index]!++ }));
  members.forEach((member) => heartbeat.add(member));
  expect(vi.getTimerCount()).toBe(1);
  vi.advanceTimersByTime(2000);
  expect(new Set(beats)).toEqual(new Set([2]));
  members.forEach((member) => heartbeat.remove(member));
  vi.advanceTimersByTime(1000);
  expect(vi.getTimerCount()).toBe(0);
  expect(beats[0]).toBe(2);
});
