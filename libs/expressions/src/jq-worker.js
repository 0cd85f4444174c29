/**
 * Runs jq for one JqThread. JavaScript, because Node.js starts it from the sources too, when tests run.
 *
 * Says `{ threadId }` when it is ready. Takes `{ input, program }`, both texts; answers `{ stdout, stderr, exitCode }` or
 * `{ aborted: 'memory' | 'output' | 'crash' }`.
 * An instance of jq that was aborted is of no use any more and one that has grown never shrinks: both are replaced.
 */
import { readlinkSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { loadJq } from 'jq-wasm';

/** Above this many bytes an instance is replaced; it starts with half of them. */
const KEEP_BYTES = 32 * 1024 * 1024;

const { module, maxOutputBytes } = workerData;

// jq-wasm tells of aborts there, which the answer tells too.
console.error = () => undefined;

let jq = await instance();
// The first run compiles a good deal of jq, which is no part of anybody's evaluation.
jq.run('null', '.');
parentPort.on('message', (job) => void work(job));
parentPort.postMessage({ threadId: threadId() });

async function work({ input, program }) {
  const answer = jq.run(input, program);
  if (answer.aborted !== undefined || jq.bytes() > KEEP_BYTES) jq = await instance();
  parentPort.postMessage(answer);
}

/** The system's, by which the processor time of this thread can be read; undefined where there is no Linux to tell. */
function threadId() {
  try {
    return readlinkSync('/proc/thread-self').split('/').at(-1);
  } catch {
    return undefined;
  }
}

async function instance() {
  /** @type {WebAssembly.Memory} */
  let memory;
  let written = 0;
  /** @type {'memory' | 'output' | undefined} */
  let exceeded;

  /** Between jq and what emscripten gives it: memory, and a place to write to, neither of which jq-wasm limits. */
  const wraps = {
    _fd_write: (write) => (fd, vectors, count, result) => {
      const words = new Uint32Array(memory.buffer);
      for (let at = vectors >> 2; at < (vectors >> 2) + 2 * count; at += 2) written += words[at + 1];
      if (written > maxOutputBytes) {
        exceeded = 'output';
        throw new Error('More output than may be');
      }
      return write(fd, vectors, count, result);
    },
    _emscripten_resize_heap: (resize) => (size) => {
      const resized = resize(size);
      if (!resized) exceeded = 'memory';
      return resized;
    },
  };
  const handle = await loadJq({
    instantiateWasm: (imports, onSuccess) => {
      void WebAssembly.instantiate(module, wrapped(imports, wraps)).then((made) => {
        memory = Object.values(made.exports).find((value) => value instanceof WebAssembly.Memory);
        onSuccess(made, module);
      });
    },
  });
  return {
    bytes: () => memory.buffer.byteLength,
    run(input, program) {
      written = 0;
      exceeded = undefined;
      try {
        return handle.raw(input, program, ['-c']);
      } catch {
        return { aborted: exceeded ?? 'crash' };
      }
    },
  };
}

/** The names under which a module imports are short and say nothing; those of the functions do. */
function wrapped(imports, wraps) {
  const missing = new Set(Object.keys(wraps));
  const result = {};
  for (const [space, functions] of Object.entries(imports)) {
    result[space] = {};
    for (const [name, value] of Object.entries(functions)) {
      const wrap = wraps[value.name];
      missing.delete(value.name);
      result[space][name] = wrap === undefined ? value : wrap(value);
    }
  }
  if (missing.size > 0) throw new Error(`This jq-wasm imports no ${[...missing].join(', ')}`);
  return result;
}
