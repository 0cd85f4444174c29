import type { Effect, Frame, Leaf, Level } from './frame.js';
import type { Outcome } from './plan.js';

type Fork = Effect & { readonly kind: 'fork' };

/** The threads of a fork, each before its first task. */
export function branchesOf(
  parent: Frame,
  { effect, task, key, raw, input, startedAt }: Leaf & { effect: Fork },
): Frame[] {
  const list = `${task}/fork/branches`;
  // What a branch sees of the loops and catches around its fork.
  const vars: Record<string, unknown> = Object.assign({}, ...parent.stack.map((level) => level.vars));
  return effect.branches.map((id, index) => {
    const level: Level = { task, key, raw, input, startedAt, list, index, only: index, vars, root: true };
    return { v: 1, id, parent: parent.id, stack: [level], data: input, count: 0, forks: 0 };
  });
}

/** What a fork came to, by what its branches did; undefined: it is not over. */
export function outcomeOfFork({ branches, competes }: Fork, endOf: (id: string) => Frame['end']): Outcome | undefined {
  return outcomeOfEnds(competes, branches.map(endOf));
}

/** The same, by how the branches ended; of those that compete, in the order in which they did. */
export const outcomeOfEnds = (competes: boolean, ends: Ends): Outcome | undefined =>
  competes ? raced(ends) : joined(ends);

type Ends = readonly Frame['end'][];

/** All of them, in the order of the branches; the first that fails fails the fork. */
function joined(ends: Ends) {
  const failed = ends.find((end) => end !== undefined && 'problem' in end);
  if (failed !== undefined && 'problem' in failed) return { kind: 'problem', problem: failed.problem } as const;
  if (ends.includes(undefined)) return undefined;
  return {
    kind: 'output',
    output: ends.map((end) => (end !== undefined && 'output' in end ? end.output : null)),
  } as const;
}

/** The first that completes; it fails when all have. */
function raced(ends: Ends) {
  const won = ends.find((end) => end !== undefined && 'output' in end);
  if (won !== undefined && 'output' in won) return { kind: 'output', output: won.output } as const;
  const last = ends.includes(undefined) ? undefined : ends.at(-1);
  return last !== undefined && 'problem' in last ? ({ kind: 'problem', problem: last.problem } as const) : undefined;
}
