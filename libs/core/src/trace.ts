/** Where something stands in a distributed trace, in the words of W3C Trace Context. */
export interface Trace {
  /** `traceparent`, §3.2. */
  readonly parent: string;
  /** `tracestate`, §3.3: of those who have handled the request before. */
  readonly state?: string;
}

/** `traceparent` of version 00, §3.2; later versions begin the same way. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
/** One member of `tracestate`, §3.3.1.3. */
const MEMBER = /^[a-z0-9][a-z0-9_\-*/@]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{1,256}$/;
/** §3.3.1.1 and §3.3.1.5: that many are to be handed on. */
const MOST_MEMBERS = 32;
const LONGEST_STATE = 512;

/** The trace that a request belongs to; undefined when it says none, or none that is valid (§3.2.1: then it is ignored). */
export function traceIn(parent: unknown, state?: unknown): Trace | undefined {
  if (typeof parent !== 'string' || !TRACEPARENT.test(parent)) return undefined;
  const kept = typeof state === 'string' ? stateIn(state) : undefined;
  return kept === undefined ? { parent } : { parent, state: kept };
}

/** What is too long is cut at a member, from the end; what is no list is dropped whole (§3.3.1.6). */
function stateIn(text: string): string | undefined {
  const members = text
    .split(',', MOST_MEMBERS + 1)
    .map((member) => member.trim())
    .filter((member) => member !== '');
  if (members.length === 0 || members.length > MOST_MEMBERS || !members.every((member) => MEMBER.test(member)))
    return undefined;
  while (members.join(',').length > LONGEST_STATE) members.pop();
  return members.length === 0 ? undefined : members.join(',');
}

/** What a request says that belongs to a trace. */
export const traceHeaders = (trace: Trace | undefined): Record<string, string> => ({
  ...(trace !== undefined && { traceparent: trace.parent }),
  ...(trace?.state !== undefined && { tracestate: trace.state }),
});
