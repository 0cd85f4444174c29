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

/** Node's codes, and PostgreSQL's while it starts, stops or takes nobody in. */
const AWAY = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  '57P01',
  '57P02',
  '57P03',
  '53300',
]);
/** What pg says without a code: no free connection in time, a lost one, no answer. */
const AWAY_WORDS =
  /^(timeout exceeded when trying to connect|Connection terminated|Query read timeout|Client has encountered a connection error)/;

/** The database cannot be asked at this moment; the same request may well succeed soon. */
export const isDatabaseAway = (error: unknown): boolean => {
  const code = codeOf(error) ?? '';
  return AWAY.has(code) || code.startsWith('08') || (error instanceof Error && AWAY_WORDS.test(error.message));
};
