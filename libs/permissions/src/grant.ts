import type { Permission } from '@app/core';

/** Which things a grant is about: all that is given must fit. An empty one fits everything. */
export interface Selector {
  /** Id of an agent: an agent that is registered again under the same slug is another one. */
  readonly agent?: string;
  /** Id of a skill, as the agent's card names it. */
  readonly skill?: string;
  /** A tag that the registry gives an agent or a workflow. */
  readonly tag?: string;
  readonly category?: string;
  /** Name of a workflow. */
  readonly workflow?: string;
}

/** When a grant counts, day by day. */
export interface TimeRange {
  /** `HH:MM`; a range whose end is before its beginning goes over midnight. */
  readonly from: string;
  readonly to: string;
  /** An IANA time zone. */
  readonly timeZone: string;
  /** 1 is Monday, as in ISO 8601; absent: every day. Of a range over midnight, the day it begins. */
  readonly days?: readonly number[];
}

export type Effect = 'allow' | 'deny';

/** What somebody may do, or may not, with some things. */
export interface Grant {
  readonly id: string;
  readonly effect: Effect;
  readonly actions: readonly Permission[];
  readonly resources: readonly Selector[];
  readonly timeRange: TimeRange | null;
  readonly expiresAt: Date | null;
  readonly delegable: boolean;
}

/** What is to be done something with. */
export interface Resource {
  /** Undefined: the agent is not registered yet. */
  readonly agent?: string;
  /** Undefined: the agent as a whole. */
  readonly skill?: string;
  readonly workflow?: string;
  readonly tags: readonly string[];
  readonly category?: string;
}

/** The group that everybody is in who is authenticated. */
export const EVERYBODY = '*';
