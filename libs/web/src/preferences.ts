/** Longer waits would be taken for dead connections by what stands between. */
export const MAX_WAIT_SECONDS = 60;

/** The seconds that a `Prefer: wait=…` header asks for (RFC 7240 §4.3), cut to what we hold out; undefined when it does not. */
export function waitIn(prefer: string | undefined): number | undefined {
  const asked = prefer?.split(',').map((preference) => /^\s*wait\s*=\s*"?(\d{1,9})"?\s*(;|$)/i.exec(preference)?.[1]);
  const seconds = asked?.find((value) => value !== undefined);
  return seconds === undefined ? undefined : Math.min(Number(seconds), MAX_WAIT_SECONDS);
}
