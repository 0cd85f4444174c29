/** Processor time of one evaluation; time in the queue and the start of a thread do not count. */
export const EVALUATION_MS = 250;
/** How many times EVALUATION_MS may pass by the clock when the machine is busy. */
export const WALL_FACTOR = 10;
/** Threads that run jq at a time, each started when it is first needed. */
export const MAX_THREADS = 2;
/** Evaluations that wait for a thread. */
export const MAX_WAITING = 10_000;
/** Characters of one expression. */
export const MAX_EXPRESSION = 65_536;
/** Characters of JSON that one evaluation reads: the data, and those of the variables that the expression names. */
export const MAX_INPUT = 1_048_576;
/** Bytes of JSON that one evaluation gives. */
export const MAX_OUTPUT_BYTES = 1_048_576;
/** Memory of jq in one thread, a multiple of 64 KiB. */
export const MAX_MEMORY_BYTES = 64 * 1_048_576;
/** JavaScript's own memory in one thread. */
export const THREAD_HEAP_MB = 64;
export const YOUNG_GENERATION_MB = 16;
/** Within which a thread must have started. */
export const START_MS = 30_000;
