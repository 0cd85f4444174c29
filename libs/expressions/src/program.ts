import type { Answer } from './jq-thread.js';
import { ExpressionError } from './expression-error.js';
import { EVALUATION_MS, MAX_INPUT, MAX_MEMORY_BYTES, MAX_OUTPUT_BYTES } from './limits.js';
import type { Scope } from './scope.js';

/** Nothing of the environment, not even of what WebAssembly is told instead of it. */
const SHUT = 'def env: {}; def input_filename: null; {} as $ENV |';
/** Lines before the expression, by which jq's positions are too large. */
const LINES_BEFORE = 1;
const NAME = /^(?!__)[A-Za-z_]\w*$/;

/** The names, of those given, that the expression may be speaking of. */
export function namesIn(expression: string, names: readonly string[]): string[] {
  const mentioned = new Set(Array.from(expression.matchAll(/\$([A-Za-z_]\w*)/g), ([, name]) => name));
  return names.filter((name) => NAME.test(name) && mentioned.has(name));
}

/** Gives the first result alone: the expression, unchanged, is the middle of a pipe, which binds less than all else in jq. */
export function evaluating(expression: string, names: readonly string[]): string {
  const variables = names.length > 0 ? `. as {v: [${names.map((name) => `$${name}`).join(', ')}]} |` : '';
  return `${SHUT} ${variables} .d | label $__first |\n${expression}\n| (., break $__first)`;
}

/** Compiles the expression and never runs it. */
export function checking(expression: string, names: readonly string[]): string {
  const variables = names.map((name) => `null as $${name} |`).join(' ');
  return `${SHUT} ${variables} empty as $__none |\n${expression}`;
}

/** What programs of one scope read, each piece written once. */
export class Input {
  private readonly pieces = new Map<string | undefined, string>();

  constructor(readonly scope: Scope) {}

  /** @throws ExpressionError too_large; failed when something is no JSON */
  textFor(expression: string, names: readonly string[]): string {
    let text: string;
    try {
      const data = this.piece(undefined, this.scope.data);
      const variables = names.map((name) => this.piece(name, this.scope.variables[name]));
      text = `{"d":${data},"v":[${variables.join(',')}]}`;
    } catch (error) {
      // A cycle, a bigint, or more depth than the stack has.
      throw new ExpressionError('failed', `It cannot be given its data: ${(error as Error).message}`, expression);
    }
    if (text.length <= MAX_INPUT) return text;
    throw new ExpressionError('too_large', `It would read more than ${MAX_INPUT} characters of JSON`, expression);
  }

  private piece(name: string | undefined, value: unknown): string {
    let piece = this.pieces.get(name);
    if (piece === undefined) this.pieces.set(name, (piece = JSON.stringify(value) ?? 'null'));
    return piece;
  }
}

const COMPILE_ERROR = 3;
const MIB = 1_048_576;
const STOPPED = {
  time: ['timeout', `It took longer than ${EVALUATION_MS} ms`],
  memory: ['too_large', `It needs more than ${MAX_MEMORY_BYTES / MIB} MiB of memory`],
  output: ['too_large', `It gives more than ${MAX_OUTPUT_BYTES / MIB} MiB`],
  crash: ['failed', 'jq broke off: most likely a value nests too deeply'],
} as const;

/** The result of `evaluating`. @throws ExpressionError */
export function resultOf(expression: string, answer: Answer): unknown {
  if ('aborted' in answer) {
    const [kind, message] = STOPPED[answer.aborted];
    throw new ExpressionError(kind, message, expression);
  }
  const { stdout, stderr, exitCode } = answer;
  if (exitCode !== 0) {
    const message = stderr.replace(/^jq: (?:parse )?error(?: \(at [^)]*\))?(?: \(not a string\))?: /, '');
    throw new ExpressionError('failed', message === '' ? 'It halted with an error' : message, expression);
  }
  const [first = ''] = stdout.split('\n', 1);
  return first === '' ? null : JSON.parse(first);
}

/** Whether jq refused the program without running it. */
export const isRefused = (answer: Answer): boolean => 'exitCode' in answer && answer.exitCode === COMPILE_ERROR;

/** What is wrong with an expression that jq refused, in a sentence. @param names the variables that there are */
export function complaintOf(stderr: string, names: readonly string[]): string {
  const found = /^jq: error: (.*?) at <top-level>, line (\d+), column (\d+)/s.exec(stderr);
  const [, what = stderr, line = '', column = ''] = found ?? [];
  const variable = /^\$(\S+) is not defined/.exec(what)?.[1];
  if (variable !== undefined) {
    const there = names.length > 0 ? `there are ${names.map((name) => `$${name}`).join(', ')}` : 'there are none';
    return `There is no variable $${variable}; ${there}`;
  }
  const missing = /^(\S+) is not defined/.exec(what)?.[1];
  if (missing !== undefined) return `There is no function ${missing}`;
  if (/unexpected "?(?:import|include|module)"?/.test(what))
    return 'Modules (import, include, module) are not available';
  const place =
    Number(line) > LINES_BEFORE + 1 ? `line ${Number(line) - LINES_BEFORE}, column ${column}` : `column ${column}`;
  const said = what.replace('INVALID_CHARACTER', 'character');
  return found === null ? said.replace(/^jq: error: /, '') : `${said} at ${place}`;
}
