import { isExpression } from '@app/expressions';
import type { Activation, Effect, SecretArgument } from './frame.js';
import { type Place, scopeOf, type World } from './scope.js';
import { readsSecrets } from './secret-reading.js';

type CallEffect = Effect & { readonly kind: 'call' };

/** Arguments of a call, and those of them that read `$secrets`: they are filled in when it is made, and stored by nobody. */
export interface Apart {
  readonly open: unknown;
  readonly secret: readonly SecretArgument[];
}

/** @param value of a definition: what its expressions give is never looked at here */
export function setApart(value: unknown, path: SecretArgument['path'] = []): Apart {
  if (typeof value === 'string')
    return isExpression(value) && readsSecrets(value)
      ? { open: null, secret: [{ path, expression: value }] }
      : { open: value, secret: [] };
  if (typeof value !== 'object' || value === null) return { open: value, secret: [] };
  const members = Object.entries(value).map(([key, member]) => {
    const step = Array.isArray(value) ? Number(key) : key;
    return [key, setApart(member, [...path, step])] as const;
  });
  const secret = members.flatMap(([, apart]) => apart.secret);
  if (Array.isArray(value)) return { open: members.map(([, { open }]) => open), secret };
  return { open: Object.fromEntries(members.map(([key, { open }]) => [key, open])), secret };
}

/** The arguments of a call with its secrets. For the call alone: never stored. @throws ExpressionError, WorkflowError */
export async function withSecrets(
  world: World,
  place: Place & { readonly activation: Activation },
  { with: args, secret = [] }: CallEffect,
): Promise<CallEffect['with']> {
  const filled = structuredClone(args) as Record<string, unknown>;
  for (const { path, expression } of secret) {
    const scope = await scopeOf(world, place, place.activation.input, expression);
    put(filled, path, await world.expressions.evaluate(expression, scope));
  }
  return filled;
}

function put(into: Record<string, unknown>, path: SecretArgument['path'], value: unknown): void {
  let at: Record<string | number, unknown> = into;
  for (const step of path.slice(0, -1)) at = at[step] as Record<string | number, unknown>;
  at[path.at(-1) ?? ''] = value;
}

/** The names of `use.authentications` that a call uses. Only its endpoints have one. */
export function policiesOf({ endpoint, server, agentCard, transport }: CallEffect['with']): string[] {
  const endpoints = [
    endpoint,
    server,
    memberOf(agentCard, 'endpoint'),
    memberOf(memberOf(transport, 'http'), 'endpoint'),
  ];
  const names = endpoints.map((one) => memberOf(memberOf(one, 'authentication'), 'use'));
  return names.filter((name): name is string => typeof name === 'string');
}

const memberOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
