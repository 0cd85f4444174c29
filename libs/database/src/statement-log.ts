import { Log } from '@app/telemetry';
import type { Logger, QueryRunner } from 'typeorm';
import { isStatementTimeout } from './sqlstate.js';

const MAX_SQL = 1_000;
/** pg's words for "no answer at all, not even the statement time-out's". */
const NO_ANSWER = 'Query read timeout';

/** What TypeORM has to say that somebody must know. Failed statements are thrown; who catches them logs them. */
export class StatementLog implements Logger {
  private readonly lines = new Log('Database');

  logQuerySlow(ms: number, sql: string): void {
    this.lines.warn('Slow statement', { ms, sql: withoutValues(sql) });
  }

  logQueryError(error: string | Error, sql: string, _values?: unknown, runner?: QueryRunner): void {
    if (isStatementTimeout(error)) this.lines.warn('Statement timed out', { sql: withoutValues(sql) });
    if (error instanceof Error && error.message === NO_ANSWER) void dropConnection(runner, error);
  }

  logQuery(): void {}
  logSchemaBuild(): void {}
  logMigration(): void {}
  log(): void {}
}

/** The text of a statement is ours; literals in it may be somebody's data. */
export function withoutValues(sql: string): string {
  return sql
    .replace(/'(?:[^']|'')*'/g, '?')
    .replace(/\s+/g, ' ')
    .slice(0, MAX_SQL);
}

/** Back in the pool, a connection that hangs would make the next statement hang too. */
async function dropConnection(runner: QueryRunner | undefined, error: Error): Promise<void> {
  const client: NodeJS.EventEmitter | undefined = await runner?.connect();
  client?.emit('error', error);
}
