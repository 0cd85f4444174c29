import { readdirSync, readFileSync } from 'node:fs';

/** PSS counts a page that several processes share for each of them in part, so that sums are true. Linux alone tells it. */
export const canTellPss = process.platform === 'linux';

/** Megabytes of one process. */
export function pss(pid) {
  const [, kilobytes = 0] = /^Pss:\s+(\d+) kB/m.exec(readProc(`${pid}/smaps_rollup`)) ?? [];
  return Number(kilobytes) / 1_024;
}

/** The processes that one started, and those that they started. */
export function descendants(pid) {
  const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const parents = new Map(processes.map((name) => [Number(name), parentOf(name)]));
  const below = (parent) =>
    [...parents].filter(([, of]) => of === parent).flatMap(([child]) => [child, ...below(child)]);
  return below(pid);
}

/** After the name in parentheses, which may contain anything, come the state and the parent. */
function parentOf(pid) {
  const stat = readProc(`${pid}/stat`);
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

/** Nothing of a process that has ended meanwhile. */
function readProc(path) {
  try {
    return readFileSync(`/proc/${path}`, 'utf8');
  } catch {
    return '';
  }
}
