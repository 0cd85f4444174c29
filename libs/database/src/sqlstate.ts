/** PostgreSQL's error codes that code decides by. */
const UNIQUE_VIOLATION = '23505';
const QUERY_CANCELED = '57014';
const UNDEFINED_TABLE = '42P01';

/** PostgreSQL's SQLSTATE or Node's code; TypeORM's error has the one of the error below it. */
export const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;

export const isUniqueViolation = (error: unknown): boolean => codeOf(error) === UNIQUE_VIOLATION;
export const isStatementTimeout = (error: unknown): boolean => codeOf(error) === QUERY_CANCELED;
export const isUndefinedTable = (error: unknown): boolean => codeOf(error) === UNDEFINED_TABLE;
