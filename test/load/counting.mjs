import { setTimeout as sleep } from 'node:timers/promises';
import { newDatabase, query } from './databases.mjs';

/** The server does something by itself too. */
const IDLE_SECONDS = 3;

/** A server whose transactions and statements are counted on their way to PostgreSQL. */
export async function countedServer(stage, postgres) {
  const database = new URL(await newDatabase(postgres, 'counted'));
  const socket = `${new URL(postgres.url).searchParams.get('host')}/.s.PGSQL.5432`;
  const between = await stage.own('counting-server', { SOCKET: socket });
  const server = await stage.replica(`postgres://a2a@${between.url}${database.pathname}`);

  const now = async () => ({ ...(await between.ask('counts')), writes: await transactionIds(database.href) });
  const during = async (work) => {
    const [before, started] = [await now(), performance.now()];
    const done = await work();
    const [after, ended] = [await now(), performance.now()];
    const seconds = (ended - started) / 1_000;
    const perSecond = (what) => (after[what] - before[what]) / seconds;
    return { done, seconds, perSecond };
  };
  return { server, counter: () => counterBeside(during) };
}

/**
 * Counts what work takes, less what the server does by itself in that time.
 * @returns of work that tells how many `calls` it made, what one of them takes: `commits`, `statements`, `writes`. In tenths:
 * what the server does by itself varies
 */
async function counterBeside(during) {
  const idle = await during(() => sleep(IDLE_SECONDS * 1_000));
  return async (work) => {
    const { done, seconds, perSecond } = await during(work);
    return (what) => {
      const all = (perSecond(what) - idle.perSecond(what)) * seconds;
      return Math.round((all * 10) / done.calls) / 10;
    };
  };
}

/** Every transaction that writes takes one, and no other does. */
async function transactionIds(database) {
  const [{ next }] = await query(database, 'select pg_snapshot_xmax(pg_current_snapshot())::text as next');
  return Number(next);
}
