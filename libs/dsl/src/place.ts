import { isJsonObject, type JsonObject } from '@app/core';
import { LIMITS } from './limits.js';
import { described, didYouMean, either, pointerStep, Problems, quoted } from './problems.js';

/** A runtime expression of a definition, with what it may refer to. */
export interface FoundExpression {
  /** JSON Pointer to the text that holds it. */
  readonly path: string;
  /** jq, without `${` and `}`. */
  readonly expression: string;
  /** Names without `$` of the variables that are known there. */
  readonly variables: readonly string[];
}

export interface AgentCall {
  readonly path: string;
  /** Slug. */
  readonly agent: string;
  /** Absent: none is named, or an expression says which. */
  readonly skill?: string;
}

export interface WorkflowCall {
  readonly path: string;
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
}

/** Names of what `use` declares, by its members. */
export type Declared = Readonly<
  Record<'authentications' | 'errors' | 'functions' | 'retries' | 'secrets' | 'timeouts', readonly string[]>
>;

/** What one walk over a document finds. */
export class Findings {
  readonly problems = new Problems();
  readonly keywords = new Set<string>();
  readonly expressions: FoundExpression[] = [];
  readonly agents: AgentCall[] = [];
  readonly workflows: WorkflowCall[] = [];
  readonly declared: Declared;
  tasks = 0;

  constructor(document: JsonObject) {
    const use = isJsonObject(document.use) ? document.use : {};
    const names = (key: string): string[] => (isJsonObject(use[key]) ? Object.keys(use[key]) : []);
    this.declared = {
      authentications: names('authentications'),
      errors: names('errors'),
      functions: names('functions'),
      retries: names('retries'),
      secrets: Array.isArray(use.secrets) ? use.secrets.filter((name) => typeof name === 'string') : [],
      timeouts: names('timeouts'),
    };
  }
}

/** Where a task stands decides what its `then` may name. */
export interface Scope {
  readonly kind: 'list' | 'branches' | 'function';
  readonly names: readonly string[];
}

interface Surroundings {
  /** Variables that a loop or a catch adds. */
  readonly added: readonly string[];
  /** Variables that are known to an expression here. */
  readonly variables: readonly string[];
  readonly scope: Scope;
  /** Task lists around this place. */
  readonly depth: number;
  readonly compensating: boolean;
  /** Nothing of what an expression gives here is stored, so it may read secrets. */
  readonly passing: boolean;
}

const OUTSIDE: Surroundings = {
  added: [],
  variables: [],
  scope: { kind: 'function', names: [] },
  depth: 0,
  compensating: false,
  passing: false,
};

/** One place of a document: what a check needs to know there, and where it tells what it found. */
export class Place {
  constructor(
    readonly findings: Findings,
    readonly path = '',
    readonly around: Surroundings = OUTSIDE,
  ) {}

  at(step: string | number): Place {
    return new Place(this.findings, this.path + pointerStep(step), this.around);
  }

  with(changes: Partial<Surroundings>): Place {
    return new Place(this.findings, this.path, { ...this.around, ...changes });
  }

  problem(message: string, suggestion?: string): void {
    this.findings.problems.add({ path: this.path, message, ...(suggestion && { suggestion }) });
  }

  expected(what: string, found: unknown, suggestion?: string): void {
    this.problem(`Expected ${what}, but found ${described(found)}.`, suggestion);
  }

  expression(text: string): void {
    if (text.length > LIMITS.expressionLength)
      return this.problem(`The expression is too long; at most ${LIMITS.expressionLength} characters are allowed.`);
    if (!this.around.passing && READS_SECRETS.test(text))
      return this.problem(
        'What this expression gives is stored with the run, so it cannot read "$secrets".',
        'Read secrets in the "with" of an http, a2a or mcp call, in an authentication policy, or in a condition.',
      );
    for (const [, dotted, bracketed] of text.matchAll(SECRET)) this.secret(dotted ?? bracketed ?? '');
    this.findings.expressions.push({
      path: this.path,
      expression: text,
      variables: [...this.around.variables, ...this.around.added],
    });
  }

  secret(name: string): void {
    this.declared('secrets', name);
  }

  /** A name of what `use` declares. */
  declared(kind: keyof Declared, name: string): void {
    const known = this.findings.declared[kind];
    if (known.includes(name)) return;
    const expected = known.length === 0 ? 'it declares none' : `expected ${either(known.map(quoted))}`;
    this.problem(`"use.${kind}" does not declare ${quoted(name)}; ${expected}.`, didYouMean(name, known));
  }
}

const READS_SECRETS = /\$secrets(?!\w)/;
const SECRET = /\$secrets\s*(?:\.\s*([A-Za-z_]\w*)|\.?\s*\[\s*"([^"\\]+)"\s*\])/g;
