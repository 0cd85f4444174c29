/** How the schema stands to this version of the server: it may run on `current` and on `ahead`. */
export type SchemaState = 'current' | 'behind' | 'ahead';

export function schemaState(known: readonly string[], applied: readonly string[]): SchemaState {
  if (known.some((name) => !applied.includes(name))) return 'behind';
  return applied.some((name) => !known.includes(name)) ? 'ahead' : 'current';
}
