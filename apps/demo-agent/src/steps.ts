/** What an agent does, in words that both A2A versions can be told in. */

export type TaskState =
  'submitted' | 'working' | 'input-required' | 'auth-required' | 'completed' | 'failed' | 'rejected' | 'canceled';

/** One piece of content: exactly one of `text`, `data`, `raw` (base64) and `url` is there. */
export interface Part {
  readonly text?: string;
  readonly data?: unknown;
  readonly raw?: string;
  readonly url?: string;
  readonly filename?: string;
  readonly mediaType?: string;
}

export interface Artifact {
  readonly artifactId: string;
  readonly name: string;
  readonly parts: readonly Part[];
}

/** A message as the agent hears it. */
export interface Heard {
  /** Its text parts, joined. */
  readonly text: string;
  readonly parts: readonly Part[];
  /** True when it continues a task that waits for an answer. */
  readonly answering: boolean;
}

export type Step =
  /** A direct answer without a task; it must be the only step. */
  | { readonly kind: 'message'; readonly parts: readonly Part[] }
  /** The whole outcome at once; it must be the only step. */
  | { readonly kind: 'task'; readonly state: TaskState; readonly artifacts: readonly Artifact[] }
  | { readonly kind: 'status'; readonly state: TaskState; readonly parts?: readonly Part[] }
  | { readonly kind: 'artifact'; readonly artifact: Artifact; readonly append?: boolean; readonly lastChunk?: boolean }
  | { readonly kind: 'pause'; readonly ms: number };

/** Pure: the same message always leads to the same steps. */
export type Behaviour = (heard: Heard) => Iterable<Step>;

export const text = (value: string): readonly Part[] => [{ text: value, mediaType: 'text/plain' }];

export const status = (state: TaskState, message?: string): Step =>
  message === undefined ? { kind: 'status', state } : { kind: 'status', state, parts: text(message) };

export const pause = (ms: number): Step => ({ kind: 'pause', ms });

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, sec: 1_000, m: 60_000, min: 60_000 };
/** Nobody waits longer for a demo. */
const LONGEST_MS = 3_600_000;

/** How long a message asks for: a data part `{"durationMs": …}`, or words such as "in 200ms", "for 3 s", "for 2 min". */
export function durationOf(heard: Heard, standardMs: number): number {
  const asked = heard.parts.map(({ data }) => data).find(hasDuration)?.durationMs ?? spokenDuration(heard.text);
  return Math.min(asked ?? standardMs, LONGEST_MS);
}

function hasDuration(data: unknown): data is { durationMs: number } {
  if (typeof data !== 'object' || data === null || !('durationMs' in data)) return false;
  return typeof data.durationMs === 'number' && data.durationMs >= 0;
}

function spokenDuration(words: string): number | undefined {
  const match = /\b(?:in|for) (\d+(?:\.\d+)?) ?(ms|sec|s|min|m)(?:\b|[a-z])/i.exec(words);
  return match === null ? undefined : Number(match[1]) * (UNIT_MS[match[2]?.toLowerCase() ?? ''] ?? 1);
}
