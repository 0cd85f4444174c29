import { CST, Lexer } from 'yaml';

/**
 * Whether text nests deeper than a parser should try. The parser of `yaml` recurses: some hundred levels exhaust the stack, and V8
 * may then end the whole process rather than throw. Its lexer does not recurse, so it is asked first.
 */
export const nestsDeeper = (text: string, levels: number): boolean =>
  indentsDeeper(text, levels) || tokensNestDeeper(text, levels);

/** By lines that begin further to the right, each than the one it is in. */
function indentsDeeper(text: string, levels: number): boolean {
  const indents: number[] = [];
  for (const [, spaces = '', first] of text.matchAll(/^( *)(\S?)/gm)) {
    if (first === '') continue;
    while (indents.length > 0 && (indents.at(-1) ?? 0) >= spaces.length) indents.pop();
    indents.push(spaces.length);
    if (indents.length > levels) return true;
  }
  return false;
}

/** By brackets, and by indicators on one line: `- - - a`, `? ? ? a`, `a: b: c`. */
function tokensNestDeeper(text: string, levels: number): boolean {
  let brackets = 0;
  let indicators = 0;
  for (const token of new Lexer().lex(text)) {
    const type = CST.tokenType(token);
    if (type === 'newline') indicators = 0;
    if (type === 'flow-seq-start' || type === 'flow-map-start') brackets += 1;
    if (type === 'flow-seq-end' || type === 'flow-map-end') brackets -= 1;
    // Members of `{ … }` may stand on one line as they like.
    if (type === 'seq-item-ind' || type === 'explicit-key-ind' || (type === 'map-value-ind' && brackets === 0))
      indicators += 1;
    if (brackets > levels || indicators > levels) return true;
  }
  return false;
}
