/** First and last byte, both included. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/**
 * What a `Range` header asks of `length` bytes (RFC 9110 §14.2). Undefined: send everything, as for several ranges, other
 * units and what is no range at all.
 */
export function byteRange(header: string | undefined, length: number): ByteRange | 'unsatisfiable' | undefined {
  const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/i.exec(header?.trim() ?? '') ?? [];
  if (from === '' && to === '') return undefined;
  if (from === '') return Number(to) === 0 || length === 0 ? 'unsatisfiable' : suffix(Number(to), length);
  const first = Number(from);
  if (to !== '' && Number(to) < first) return undefined;
  return first < length ? { first, last: Math.min(to === '' ? Infinity : Number(to), length - 1) } : 'unsatisfiable';
}

const suffix = (count: number, length: number): ByteRange => ({ first: Math.max(0, length - count), last: length - 1 });
