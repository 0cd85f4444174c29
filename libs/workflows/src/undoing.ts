import type { Frame, Undo } from './frame.js';

/** The thread that undoes what a run did. */
export const UNDO = 'undo';

/**
 * The thread that undoes one task, before it begins.
 * @param before counts go on from those that undid others, so that what is done is named unlike anything before
 */
export function undoFrame(
  { task, key, output }: Undo,
  { count, forks }: Pick<Frame, 'count' | 'forks'>,
  startedAt: string,
): Frame {
  const level = { task, key, raw: output, input: output, startedAt, list: `${task}/metadata/compensate`, index: 0 };
  return { v: 1, id: UNDO, parent: null, stack: [{ ...level, root: true }], data: output, count, forks };
}
