import type { TaskState } from '@app/a2a';
import type { TaskRow } from './task-row.js';

/** Whoever waits for an authorization is asked again after this, doubled each time up to the longest. */
const FIRST_LOOK_MS = 1_000;
const LONGEST_LOOK_MS = 30_000;

/** An agent that waits for an authorization goes on by itself; nobody tells us. @returns in how many milliseconds to ask */
export function nextLook({ deadline, inbox, attempts }: TaskRow, state: TaskState): number | null {
  if (state !== 'auth-required' || deadline.getTime() < Date.now()) return null;
  const looks = inbox.length === 0 ? attempts : 0;
  return Math.min(FIRST_LOOK_MS * 2 ** looks, LONGEST_LOOK_MS);
}
