import type { JsonObject } from '@app/core';
import { Ajv, type Options, type ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';

// Schemas are other people's: unknown keywords and formats are theirs to use, and nothing is written to the console.
const OPTIONS: Options = { strict: false, validateFormats: false, logger: false, allErrors: false };
const modern = new Ajv2020(OPTIONS);
const draft7 = new Ajv(OPTIONS);

/**
 * Compiles the `schema.document` of a definition: JSON Schema 2020-12, or draft-07 where its `$schema` says so. Nothing is
 * fetched. Throws when it is no schema.
 */
export function compileSchema(document: JsonObject): ValidateFunction {
  if (JSON.stringify(document).includes('"$async"')) throw new Error('"$async" is not supported');
  const ajv = typeof document.$schema === 'string' && document.$schema.includes('draft-07') ? draft7 : modern;
  try {
    return ajv.compile(document);
  } finally {
    // Else it would stay known by its $id for ever, and the next one with the same $id would be refused.
    ajv.removeSchema(document);
  }
}

/** Why it is no schema, without a full stop. */
export function schemaProblem(document: JsonObject): string | undefined {
  try {
    compileSchema(document);
    return undefined;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return (reason.split('\n')[0] ?? '').replace(/[.]$/u, '').slice(0, 200);
  }
}
