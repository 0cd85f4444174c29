import type { EntityManager } from 'typeorm';
import type { Selector } from './grant.js';
import type { GrantRow } from './grant.entity.js';
import type { GrantView } from './grants.schemas.js';
import { agentSlugs } from './sql-grants.js';

/** Grants as they are shown: agents by their slugs of today. */
export async function grantViews(db: EntityManager, rows: readonly GrantRow[]): Promise<GrantView[]> {
  const ids = rows.flatMap(({ resources }) => resources.flatMap(({ agent }) => agent ?? []));
  const slugs = await agentSlugs(db, [...new Set(ids)]);
  return rows.map((row) => viewOf(row, slugs));
}

export const everything = (resources: readonly Selector[]): boolean =>
  resources.some((selector) => Object.keys(selector).length === 0);

function viewOf(row: GrantRow, slugs: ReadonlyMap<string, string>): GrantView {
  const { id, subjectKind, subject, effect, actions, resources, delegable, createdBy, createdAt } = row;
  return {
    id,
    [subjectKind]: subject,
    effect,
    actions,
    resources: everything(resources) ? '*' : resources.map((selector) => selectorView(selector, slugs)),
    ...(row.timeRange !== null && {
      timeRange: { ...row.timeRange, days: row.timeRange.days && [...row.timeRange.days] },
    }),
    ...(row.expiresAt !== null && { expiresAt: row.expiresAt.toISOString() }),
    delegable,
    ...(row.reason !== null && { reason: row.reason }),
    state: stateOf(row),
    ...(row.parentId !== null && { parentId: row.parentId }),
    createdBy,
    createdAt: createdAt.toISOString(),
    ...(row.revokedAt !== null && { revokedAt: row.revokedAt.toISOString() }),
    ...(row.revokedBy !== null && { revokedBy: row.revokedBy }),
    ...(row.revokeReason !== null && { revokeReason: row.revokeReason }),
  };
}

function stateOf({ revokedAt, expiresAt }: GrantRow): GrantView['state'] {
  if (revokedAt !== null) return 'revoked';
  return expiresAt !== null && expiresAt <= new Date() ? 'expired' : 'active';
}

function selectorView({ agent, ...rest }: Selector, slugs: ReadonlyMap<string, string>) {
  if (agent === undefined) return rest;
  const slug = slugs.get(agent);
  return { ...(slug !== undefined && { agent: slug }), agentId: agent, ...rest };
}
