/** PostgreSQL's error codes that code decides by; TypeORM copies them onto its own error. */
const UNIQUE_VIOLATION = '23505';
const QUERY_CANCELED = '57014';
const UNDEFINED_TABLE = '42P01';
/** Wrong password, no such role or database, no entry in pg_hba.conf: waiting mends none of them. */
const REFUSED_FOR_GOOD = ['28000', '28P01', '3D000', '42501'];

export const sqlState = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;

export const isUniqueViolation = (error: unknown): boolean => sqlState(error) === UNIQUE_VIOLATION;
export const isStatementTimeout = (error: unknown): boolean => sqlState(error) === QUERY_CANCELED;
export const isUndefinedTable = (error: unknown): boolean => sqlState(error) === UNDEFINED_TABLE;
export const isRefusedForGood = (error: unknown): boolean => REFUSED_FOR_GOOD.includes(sqlState(error) ?? '');
