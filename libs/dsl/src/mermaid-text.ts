/** States of a task of a run, in the words of the DSL; `skipped` is ours. */
export type TaskState =
  'pending' | 'running' | 'waiting' | 'completed' | 'faulted' | 'cancelled' | 'suspended' | 'skipped';

const LABEL_LENGTH = 60;

/**
 * Text as a label of Mermaid: everything but letters, digits and spaces becomes an entity, so that no name can end its quotes,
 * open markup or mean something to the parser.
 */
export function label(text: string): string {
  const letters = Array.from(text);
  const short = letters.length > LABEL_LENGTH ? [...letters.slice(0, LABEL_LENGTH - 1), '…'] : letters;
  return short.map((letter) => (PLAIN.test(letter) ? letter : entity(letter))).join('');
}

const PLAIN = /^[\p{L}\p{M}\p{N} ]$/u;

function entity(letter: string): string {
  const code = letter.codePointAt(0) ?? 0;
  // Half of a pair, or a control character: nothing that could be shown.
  if (code < 32 || (code >= 0x7f && code < 0xa0) || (code >= 0xd800 && code <= 0xdfff)) return ' ';
  return `#${code};`;
}
