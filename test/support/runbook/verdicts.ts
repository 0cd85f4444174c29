import { EXECUTED } from './executed.js';
import type { Kind, Stage, Verdict } from './kinds.js';
import { OBJECTS } from './objects.js';

/** In order; a line that none takes fails the test. */
const KINDS: readonly Kind[] = [...EXECUTED, ...OBJECTS];

/** @throws for a line that nobody knows, and when what it needs is not so */
export async function verdictOn(line: string, stage: Stage): Promise<Verdict> {
  for (const [pattern, verdict, attempt] of KINDS) {
    const match = pattern.exec(line);
    if (match === null) continue;
    await attempt(match, stage);
    return verdict;
  }
  throw new Error('nobody knows this line');
}
