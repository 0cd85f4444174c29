import pg from 'pg';

/** Another database of this PostgreSQL. @returns its address */
export async function newDatabase(postgres, name) {
  await query(postgres.url, `create database ${name}`);
  const url = new URL(postgres.url);
  url.pathname = name;
  return url.href;
}

/** What one statement finds, on a connection of its own. */
export async function query(url, sql) {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}
