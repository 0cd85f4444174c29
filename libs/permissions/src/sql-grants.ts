import type { EntityManager } from 'typeorm';

/** Every statement of which a repository knows nothing: grants that hang on grants, and what agents are called. */

/** Revokes a grant and all that was handed on from it. @returns the ids of those that were in force until now */
export async function revokeTree(
  db: EntityManager,
  id: string,
  by: string,
  reason: string | null,
): Promise<readonly string[]> {
  const [rows] = (await db.query(
    `with recursive tree as (
       select id from grants where id = $1
       union
       select g.id from grants g join tree t on g.parent_id = t.id
     )
     update grants set revoked_at = now(), revoked_by = $2, revoke_reason = $3
     where id in (select id from tree) and revoked_at is null
     returning id`,
    [id, by, reason],
  )) as [{ id: string }[], number];
  return rows.map((row) => row.id);
}

/** Ids of agents by slug. The registry is above this lib; its table is not. */
export async function agentIds(db: EntityManager, slugs: readonly string[]): Promise<ReadonlyMap<string, string>> {
  if (slugs.length === 0) return new Map();
  const rows = await agentsWhere(db, 'slug', slugs);
  return new Map(rows.map(({ id, slug }) => [slug, id]));
}

/** Slugs of agents by id; missing: it is gone. */
export async function agentSlugs(db: EntityManager, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  if (ids.length === 0) return new Map();
  const rows = await agentsWhere(db, 'id::text', ids);
  return new Map(rows.map(({ id, slug }) => [id, slug]));
}

/** What a permission question is about. */
export async function agentResource(
  db: EntityManager,
  slug: string,
): Promise<{ id: string; tags: string[]; category: string } | undefined> {
  const sql = 'select id::text, tags, category from agents where slug = $1';
  return ((await db.query(sql, [slug])) as { id: string; tags: string[]; category: string }[])[0];
}

/** Roles and groups of a principal that has API keys. */
export async function rolesAndGroupsOf(
  db: EntityManager,
  principal: string,
): Promise<{ roles: string[]; groups: string[] } | undefined> {
  const sql = `select roles, groups from api_keys
    where (principal = $1 or (principal is null and 'key:' || id = $1)) and revoked_at is null and (expires_at is null or expires_at > now())
    order by created_at desc limit 1`;
  return ((await db.query(sql, [principal])) as { roles: string[]; groups: string[] }[])[0];
}

function agentsWhere(
  db: EntityManager,
  column: 'slug' | 'id::text',
  values: readonly string[],
): Promise<{ id: string; slug: string }[]> {
  return db.query(`select id::text, slug from agents where ${column} = any ($1)`, [values]);
}
