/** A text as it stands in a definition, cut at its `${ }`. */
export type Part = { readonly text: string } | { readonly expression: string };

/** Whether a text holds a `${ }`. */
export const isExpression = (text: string): boolean => partsOf(text).some((part) => 'expression' in part);

/** The one expression that the text is, but for white space around it; undefined when there is more or none. */
export function wholeExpression(text: string): string | undefined {
  const parts = partsOf(text.trim());
  const [part] = parts;
  return parts.length === 1 && part !== undefined && 'expression' in part ? part.expression : undefined;
}

/** A `${` that is not closed is text. */
export function partsOf(text: string): Part[] {
  const parts: Part[] = [];
  let from = 0;
  for (let at = text.indexOf('${'); at >= 0; at = text.indexOf('${', at)) {
    const end = endOfBraces(text, at + 2);
    if (end === undefined) break;
    if (at > from) parts.push({ text: text.slice(from, at) });
    parts.push({ expression: text.slice(at + 2, end) });
    at = from = end + 1;
  }
  if (from < text.length) parts.push({ text: text.slice(from) });
  return parts;
}

/** Where the `}` is that closes a brace opened before `from`: jq has braces in objects, in strings and in comments too. */
function endOfBraces(text: string, from: number): number | undefined {
  /** What is open: `{`, a string, or an interpolation `\(` within one. */
  const open: string[] = ['{'];
  for (let at = from; at < text.length; at++) {
    const char = text[at];
    if (open.at(-1) === '"') {
      if (char === '"') open.pop();
      else if (char === '\\') if (text[++at] === '(') open.push('(');
    } else if (char === '#') {
      const end = text.indexOf('\n', at);
      if (end < 0) return undefined;
      at = end;
    } else if (char === '"' || char === '{' || char === '(') {
      open.push(char);
    } else if (char === '}' || char === ')') {
      if (open.pop() !== (char === '}' ? '{' : '(')) return undefined;
      if (open.length === 0) return at;
    }
  }
  return undefined;
}
