import type { z } from 'zod';
import { DomainError } from '@app/core';

/** What a caller sent, as the schema has it. @throws DomainError invalid, naming each field that does not fit */
export function parseInput<S extends z.ZodObject>(schema: S, given: unknown): z.infer<S> {
  const input = schema.safeParse(given);
  if (input.success) return input.data;
  throw new DomainError('invalid', input.error.issues.map(problem).join('; '));
}

function problem({ path, message }: z.core.$ZodIssue): string {
  return `${path.join('.') || 'input'}: ${message}`;
}
