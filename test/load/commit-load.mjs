/** What a commit takes here: a small row, stored by a program that does nothing else. */
import pg from 'pg';
import { takeJobs } from './loops.mjs';

takeJobs(async ({ url }) => {
  const client = new pg.Client(url);
  await client.connect();
  await client.query('create table if not exists commits (id bigint generated always as identity, said text)');
  const call = async () => void (await client.query('insert into commits (said) values ($1)', ['hello']));
  return () => ({ call, close: () => void client.end() });
});
