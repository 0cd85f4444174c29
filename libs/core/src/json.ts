export type JsonObject = Record<string, unknown>;

/** True for `{…}`; false for arrays, null and scalars. */
export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
