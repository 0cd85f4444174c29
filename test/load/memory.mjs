import { readdirSync, readFileSync } from 'node:fs';

/** PSS counts a page that several processes share for each of them in part, so that sums are true. Linux alone tells it. */
export const canTellPss = process.platform === 'linux';

/** Megabytes of one process. */
export function pss(pid) {
  const [, kilobytes] = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'));
  return Number(kilobytes) / 1_024;
}

/** The processes that one started, and those that they started. */
export function descendants(pid) {
  const parents = new Map(readdirSync('/proc').filter(isNumber).flatMap(parentOf));
  const below = (parent) =>
    [...parents].filter(([, of]) => of === parent).flatMap(([child]) => [child, ...below(child)]);
  return below(pid);
}

/** None when it has ended meanwhile. */
function parentOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return [[Number(pid), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])]];
  } catch {
    return [];
  }
}

const isNumber = (name) => /^\d+$/.test(name);
