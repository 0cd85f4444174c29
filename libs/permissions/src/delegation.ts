import { isDeepStrictEqual } from 'node:util';
import type { Permission } from '@app/core';
import { gives } from './decision.js';
import type { Effect, Grant, Selector, TimeRange } from './grant.js';

/** What somebody wants to hand on. */
export interface Wanted {
  readonly effect: Effect;
  readonly actions: readonly Permission[];
  readonly resources: readonly Selector[];
  readonly timeRange: TimeRange | null;
  readonly expiresAt: Date | null;
}

/** Whether a grant may be handed on as this: nothing in it is more than its holder has, or lasts longer. */
export function covers(held: Grant, wanted: Wanted): boolean {
  return (
    held.delegable &&
    held.effect === 'allow' &&
    wanted.effect === 'allow' &&
    wanted.actions.every((action) => held.actions.some((mine) => gives(mine, action))) &&
    wanted.resources.every((selector) => held.resources.some((mine) => isNarrower(selector, mine))) &&
    (held.timeRange === null || isDeepStrictEqual(held.timeRange, wanted.timeRange)) &&
    (held.expiresAt === null || (wanted.expiresAt !== null && wanted.expiresAt <= held.expiresAt))
  );
}

/** Whatever fits the first fits the second too. */
const isNarrower = (selector: Selector, wide: Selector): boolean =>
  Object.entries(wide).every(([name, value]) => selector[name as keyof Selector] === value);
