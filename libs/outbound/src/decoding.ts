import { pipeline, Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { DomainError } from '@app/core';

/** We ask for no encoding; these are read from servers that encode nevertheless. */
const DECODERS = new Map([
  ['gzip', createGunzip],
  ['x-gzip', createGunzip],
  ['deflate', createInflate],
  ['br', createBrotliDecompress],
]);

/** The body in plain bytes, of which there may be so many, however few came over the wire. */
export function decoded(
  body: ReadableStream<Uint8Array>,
  encoding: string,
  { host, maxBytes }: { host: string; maxBytes: number },
): ReadableStream<Uint8Array> {
  const createDecoder = DECODERS.get(encoding);
  if (createDecoder === undefined)
    throw new DomainError('unavailable', `${host} answered in the encoding "${encoding}", for which we did not ask`);
  // Errors reach the reader of the decoder.
  const plain = pipeline(Readable.fromWeb(body), createDecoder(), () => undefined);
  return Readable.toWeb(Readable.from(limited(plain, host, maxBytes), { objectMode: false }));
}

async function* limited(chunks: Readable, host: string, maxBytes: number): AsyncGenerator<Uint8Array> {
  let total = 0;
  try {
    for await (const chunk of chunks as AsyncIterable<Buffer>) {
      total += chunk.length;
      if (total > maxBytes) throw tooLarge(host, maxBytes);
      yield chunk;
    }
  } catch (cause) {
    const isMalformed = cause instanceof Error && 'errno' in cause;
    throw isMalformed ? new DomainError('unavailable', `${host} sent a body that cannot be decoded`, { cause }) : cause;
  }
}

export function tooLarge(host: string, maxBytes: number): DomainError {
  return new DomainError('too_large', `The answer of ${host} is larger than ${maxBytes} bytes`);
}
