/** How the schema stands to this version of the server: it may run on `current` and on `ahead`. */
export type SchemaState = 'current' | 'behind' | 'ahead';

/** Names of migrations: those that this version has and the schema has not, and the other way round. */
export const schemaDifference = (known: readonly string[], applied: readonly string[]) => ({
  missing: known.filter((name) => !applied.includes(name)),
  unknown: applied.filter((name) => !known.includes(name)),
});

export function schemaState(known: readonly string[], applied: readonly string[]): SchemaState {
  const { missing, unknown } = schemaDifference(known, applied);
  if (missing.length > 0) return 'behind';
  return unknown.length > 0 ? 'ahead' : 'current';
}
