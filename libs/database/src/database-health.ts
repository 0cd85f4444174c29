import { Inject, Injectable } from '@nestjs/common';
import { Log } from '@app/telemetry';
import type { Pool } from 'pg';
import { DataSource } from 'typeorm';
import type { Migrations } from './migrator.js';
import { PoolWatch } from './pool-watch.js';
import { reasonOf } from './reachable.js';
import { schemaDifference, schemaState, type SchemaState } from './schema-state.js';
import { isUndefinedTable } from './sqlstate.js';

/** An answer after this is none. */
const ANSWER_MS = 1_500;

export const MIGRATIONS = Symbol('migrations');

const log = new Log('Database');

export interface DatabaseState {
  readonly state: 'up' | 'down';
  readonly latencyMs: number;
  readonly detail?: string;
  /** As last seen, while the database is down. */
  readonly migrations: SchemaState;
}

/** Whether this process can use its database now. */
@Injectable()
export class DatabaseHealth {
  private readonly known: readonly string[];
  private migrations: SchemaState = 'current';
  private asking: Promise<void> | undefined;

  constructor(
    private readonly dataSource: DataSource,
    private readonly watch: PoolWatch,
    @Inject(MIGRATIONS) migrations: Migrations,
  ) {
    this.known = migrations.map((Migration) => new Migration().name ?? Migration.name);
  }

  /** Answers within 1.5 s, however the database is. */
  async check(): Promise<DatabaseState> {
    const start = performance.now();
    const detail = await this.trouble();
    this.watch.schemaIs(this.migrations);
    const latencyMs = Math.round((performance.now() - start) * 10) / 10;
    return { state: detail === undefined ? 'up' : 'down', latencyMs, detail, migrations: this.migrations };
  }

  /** Checks share one question: while the database hangs, they take one connection and not one each. */
  private async trouble(): Promise<string | undefined> {
    this.asking ??= this.ask().finally(() => {
      this.asking = undefined;
    });
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<string>((resolve) => {
      timer = setTimeout(() => resolve(`no answer within ${ANSWER_MS} ms`), ANSWER_MS);
    });
    const answer = this.asking.then(() => undefined, reasonOf);
    return Promise.race([answer, tooLate]).finally(() => clearTimeout(timer));
  }

  private async ask(): Promise<void> {
    const client = await poolOf(this.dataSource).connect();
    try {
      const question = { text: 'select name from migrations', query_timeout: ANSWER_MS };
      const { rows } = await client.query<{ name: string }>(question);
      this.compare(rows.map(({ name }) => name));
      client.release();
    } catch (error) {
      client.release(true);
      if (!isUndefinedTable(error)) throw error;
      this.compare([]);
    }
    this.watch.succeeded();
  }

  /** A newer version may migrate the schema at any moment, beside us or before a rollback to us. */
  private compare(applied: readonly string[]): void {
    const before = this.migrations;
    this.migrations = schemaState(this.known, applied);
    if (this.migrations === before) return;
    const { missing, unknown } = schemaDifference(this.known, applied);
    if (this.migrations === 'ahead')
      log.info('The schema is ahead of this version, which goes on as before', { migrations: unknown });
    if (this.migrations === 'behind')
      log.warn('The schema is behind this version, which cannot serve on it', { migrations: missing });
  }
}

function poolOf(dataSource: DataSource): Pool {
  return (dataSource.driver as unknown as { master: Pool }).master;
}
