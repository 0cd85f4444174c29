import { CallError } from '@app/calls';
import { DomainError, type ErrorCode } from '@app/core';
import { ExpressionError, type ExpressionFault } from '@app/expressions';
import type { Problem } from './frame.js';
import { readsSecrets } from './secret-reading.js';

/** DSL 1.0.3, "Standard Error Types". */
const STANDARD = {
  configuration: 400,
  validation: 400,
  expression: 400,
  authentication: 401,
  authorization: 403,
  timeout: 408,
  communication: 500,
  runtime: 500,
} as const;
export type StandardError = keyof typeof STANDARD;

const TYPES = 'https://serverlessworkflow.io/spec/1.0.0/errors/';

/** An error of the workflow itself, which its author can catch. */
export class WorkflowError extends Error {
  constructor(
    readonly problem: Problem,
    options?: ErrorOptions,
  ) {
    super(problem.detail ?? problem.title ?? problem.type, options);
    this.name = 'WorkflowError';
  }
}

/** @param detail one sentence for the workflow's author */
export const problemOf = (error: StandardError, detail: string, status: number = STANDARD[error]): Problem => ({
  type: TYPES + error,
  status,
  title: `${error} error`,
  detail,
});

/** Whatever a task threw that its author can act on; undefined: a bug of ours. */
export function problemIn(error: unknown): Problem | undefined {
  if (error instanceof WorkflowError) return error.problem;
  if (error instanceof ExpressionError) return problemOf('expression', wordsOf(error));
  if (error instanceof CallError)
    return { type: error.type, status: error.status, title: error.title, detail: error.detail };
  return undefined;
}

/** jq quotes what it was given: nothing of that is told when it may have been a secret. */
const wordsOf = ({ expression, kind, message }: ExpressionError): string =>
  readsSecrets(expression) ? `An expression that reads $secrets gave no result: ${FAULTS[kind]}` : message;
const FAULTS: Readonly<Record<ExpressionFault, string>> = {
  syntax: 'it is not jq, or names a variable that there is not',
  failed: 'it cannot be done with this data',
  timeout: 'it took too long',
  too_large: 'it, its data or its result is too large',
};

/** What refused something, as an error of the DSL. */
const KINDS: Partial<Readonly<Record<ErrorCode, StandardError>>> = {
  invalid: 'validation',
  too_large: 'validation',
  conflict: 'configuration',
  not_found: 'configuration',
  unauthenticated: 'authentication',
  forbidden: 'authorization',
  timeout: 'timeout',
  unavailable: 'communication',
  rate_limited: 'communication',
};
const STATUSES: Partial<Readonly<Record<ErrorCode, number>>> = {
  not_found: 404,
  conflict: 409,
  rate_limited: 429,
  unavailable: 503,
};

/** Whatever kept a task from being done. @throws the error, if it is a bug of ours */
export function problemFor(error: unknown): Problem {
  const known = problemIn(error);
  if (known !== undefined) return known;
  if (!(error instanceof DomainError)) throw error;
  const kind = KINDS[error.code] ?? 'runtime';
  return problemOf(kind, error.message, STATUSES[error.code]);
}
