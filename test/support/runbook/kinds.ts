import type { Manifest } from '../helm.js';
import type { PostgresServer } from '../postgres-server.js';
import type { TestServer } from '../server.js';
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
