import type { PostgresServer } from '../postgres-server.js';
import type { Manifest } from '../helm.js';
import type { TestServer } from '../server.js';
import { EXECUTED } from './executed.js';
import { OBJECTS } from './objects.js';
import type { Operator } from './operator.js';

/**
 * `executed` here, as it stands; `object`: the chart renders what it names; `cluster`: its object is there, and only a
 * cluster can run it; `exempt`: it cannot work, or is of somebody's own machine, for a reason that is looked at.
 */
export type Verdict = 'executed' | 'object' | 'cluster' | 'exempt';

/** What lines are tried against. */
export interface Stage {
  readonly server: TestServer;
  /** A database of operators, migrated, with 10,000 agents; no server is on it. */
  readonly database: PostgresServer;
  readonly operator: Operator;
  readonly manifests: readonly Manifest[];
}

export type Try = (match: RegExpExecArray, stage: Stage) => void | Promise<void>;
/** A kind of line: how it is known, what comes of it, and what must be so. */
export type Kind = readonly [RegExp, Verdict, Try];

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
