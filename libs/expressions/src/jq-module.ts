import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

/** Handed on to threads as it is. */
export type JqModule = object;
/** @types/node 20 leaves it to the types of browsers. */
declare const WebAssembly: { compile(binary: Uint8Array): Promise<JqModule> };

const PAGE_BYTES = 65_536;
const HEADER_BYTES = 8;
const MEMORY_SECTION = 5;

/** jq as WebAssembly, compiled once for all threads. @param maxBytes of memory for each instance; jq-wasm itself allows 256 MiB */
export async function compileJq(maxBytes: number): Promise<JqModule> {
  const binary = await readFile(createRequire(import.meta.url).resolve('jq-wasm/jq.wasm'));
  limitMemory(binary, maxBytes / PAGE_BYTES);
  return WebAssembly.compile(binary);
}

/** Overwrites the most pages that the module's memory may have: no JavaScript API sets it for a memory that a module makes itself. */
function limitMemory(binary: Uint8Array, pages: number): void {
  let at = HEADER_BYTES;
  while (at < binary.length) {
    const section = binary[at];
    const size = read(at + 1);
    if (section !== MEMORY_SECTION) {
      at = size.next + size.value;
      continue;
    }
    // How many memories, whether there is a most, and the least, come before.
    const count = read(size.next);
    const flags = read(count.next);
    const least = read(flags.next);
    const most = read(least.next);
    if (count.value !== 1 || flags.value !== 1 || most.value < pages) break;
    write(least.next, most.next, pages);
    return;
  }
  throw new Error('This jq-wasm has no memory whose size could be limited');

  /** A number in LEB128. */
  function read(from: number): { value: number; next: number } {
    let value = 0;
    for (let next = from, shift = 0; ; shift += 7) {
      const byte = binary[next++] ?? 0;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return { value, next };
    }
  }

  /** In as many bytes as there were. */
  function write(from: number, end: number, value: number): void {
    for (let i = from, rest = value; i < end; i++, rest >>= 7) binary[i] = (rest & 0x7f) | (i < end - 1 ? 0x80 : 0);
  }
}
