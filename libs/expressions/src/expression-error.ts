/**
 * Why an expression gave no result. `syntax`: it is not jq, or names a variable or function that there is not. `failed`: jq
 * says that it cannot be done with this data. `timeout` and `too_large`: it met a limit.
 */
export type ExpressionFault = 'syntax' | 'failed' | 'timeout' | 'too_large';

/** The expression is at fault, or the data it was given; nothing else is harmed. */
export class ExpressionError extends Error {
  constructor(
    readonly kind: ExpressionFault,
    message: string,
    readonly expression: string,
  ) {
    super(message);
    this.name = 'ExpressionError';
  }
}
