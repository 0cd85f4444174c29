import { LIMITS } from './limits.js';

export interface Problem {
  /** JSON Pointer (RFC 6901) into the document; '' is the whole. */
  readonly path: string;
  /** One sentence: what is wrong, and what was expected. */
  readonly message: string;
  /** One sentence: what to write instead, where that can be said. */
  readonly suggestion?: string;
}

/** Keeps the first problems, and says that there are more. */
export class Problems {
  private readonly found: Problem[] = [];

  add(problem: Problem): void {
    if (this.found.length < LIMITS.problems) this.found.push(problem);
    else if (this.found.length === LIMITS.problems)
      this.found.push({ path: '', message: `There are more problems; only the first ${LIMITS.problems} are listed.` });
  }

  get list(): Problem[] {
    return this.found;
  }
}

/** One step of a JSON Pointer. */
export const pointerStep = (step: string | number): string =>
  `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`;

export function didYouMean(word: string, known: readonly string[]): string | undefined {
  const near = nearest(word, known);
  return near === undefined ? undefined : `Did you mean "${near}"?`;
}

function nearest(word: string, known: readonly string[]): string | undefined {
  if (word.length > LIMITS.nameLength) return undefined;
  const lower = word.toLowerCase();
  // In a very short word every other one is near.
  const mistakes = lower.length < 3 ? 0 : Math.max(1, Math.floor(lower.length * 0.45));
  const [best] = known
    .map((name) => ({ name, distance: distanceOf(lower, name.toLowerCase()) }))
    .filter(({ distance }) => distance <= mistakes)
    .toSorted((a, b) => a.distance - b.distance);
  return best?.name;
}

/** Insertions, deletions, replacements and swaps of neighbours between two words. */
function distanceOf(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row[j] = Math.min(
        replaced,
        (last[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        swapped ? (beforeLast[j - 2] ?? 0) + 1 : Infinity,
      );
    }
    [beforeLast, last] = [last, row];
  }
  return last[b.length] ?? Infinity;
}

/** `a, b or c`. */
export const either = (words: readonly string[]): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;

/** Cut, so that a message stays one sentence. */
export const quoted = (text: string): string => `"${text.length > 60 ? `${text.slice(0, 57)}…` : text}"`;

/** What a value is, in words. */
export function described(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return Object.keys(value).length === 0 ? 'an empty object' : 'an object';
  if (typeof value === 'string') return value.trim() === '' ? 'empty text' : quoted(value);
  return `the ${typeof value === 'boolean' ? 'value' : typeof value} ${JSON.stringify(value)}`;
}
