import type { Effect, Frame, Leaf, Undo } from './frame.js';
import type { Outcome } from './planner.js';

type Ends = readonly Frame['end'][];

/** All of them, in the order of the branches; the first that fails fails the fork. undefined: not over yet. */
export function joined(ends: Ends): Outcome | undefined {
  const failed = ends.find((end) => end !== undefined && 'problem' in end);
  if (failed !== undefined && 'problem' in failed) return { kind: 'problem', problem: failed.problem };
  if (ends.includes(undefined)) return undefined;
  return {
    kind: 'output',
    output: ends.map((end) => (end !== undefined && 'output' in end ? end.output : null)),
  };
}

/** The first that completes; it fails when all have. undefined: not over yet. */
export function raced(ends: Ends): Outcome | undefined {
  const won = ends.find((end) => end !== undefined && 'output' in end);
  if (won !== undefined && 'output' in won) return { kind: 'output', output: won.output };
  const last = ends.includes(undefined) ? undefined : ends.at(-1);
  return last !== undefined && 'problem' in last ? { kind: 'problem', problem: last.problem } : undefined;
}

/** The threads of a fork, before they begin. */
export function branchesOf(frame: Frame, leaf: Leaf & { readonly effect: Effect & { kind: 'fork' } }): Frame[] {
  const list = `${leaf.task}/fork/branches`;
  return leaf.effect.branches.map((id, index) => {
    const level = { ...activationOf(leaf), list, index, only: index, vars: varsIn(frame) };
    return { v: 1, id, parent: frame.id, stack: [level], data: leaf.input, count: 0, forks: 0 };
  });
}

/** What a branch sees of the loops and catches around its fork. */
const varsIn = ({ stack }: Frame): Record<string, unknown> => Object.assign({}, ...stack.map(({ vars }) => vars));

const activationOf = ({ task, key, raw, input, startedAt }: Leaf) => ({ task, key, raw, input, startedAt });

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
  return { v: 1, id: UNDO, parent: null, stack: [level], data: output, count, forks };
}
