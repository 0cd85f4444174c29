import { isDeeperThan, isJsonObject, type JsonObject } from '@app/core';
import { type Document, isScalar, LineCounter, parseDocument, type Scalar, visit, type YAMLError } from 'yaml';
import { LIMITS } from './limits.js';
import { nestsDeeper } from './nesting.js';
import { described, type Problem } from './problems.js';

type Source = { readonly document: JsonObject } | { readonly problem: Problem };

/** The document in YAML or JSON text, or in an object: always a fresh plain copy, small and shallow enough to walk. */
export function readSource(source: string | object): Source {
  const text = typeof source === 'string' ? source : jsonOf(source);
  if (text === undefined)
    return whole('The definition is not JSON data: it holds what JSON cannot say, or refers to itself.');
  const bytes = Buffer.byteLength(text);
  if (bytes > LIMITS.sourceBytes)
    return whole(`The definition has ${bytes} bytes; at most ${LIMITS.sourceBytes} are allowed.`);
  const parsed = typeof source === 'string' ? parse(text) : { value: JSON.parse(text) as unknown };
  if ('problem' in parsed) return parsed;
  return plain(parsed.value);
}

const whole = (message: string, suggestion?: string): { problem: Problem } => ({
  problem: { path: '', message, ...(suggestion && { suggestion }) },
});

/** JSON is YAML; so one parser tells of doubled keys in both. */
function parse(text: string): { value: unknown } | { problem: Problem } {
  if (nestsDeeper(text, LIMITS.depth)) return tooDeep;
  try {
    const lines = new LineCounter();
    // What `yaml` itself does with each error and each pair of keys takes time that grows with their square.
    const options = { uniqueKeys: false, prettyErrors: false, logLevel: 'error' } as const;
    const document = parseDocument(text, { ...options, lineCounter: lines });
    const [error] = document.errors;
    if (error) return whole(syntax(error, at(error.pos[0], lines)), HINTS[error.code]);
    const doubled = doubledKey(document);
    if (doubled !== undefined)
      return whole(`The same key stands twice in one object${at(doubled, lines)}; each key may stand once.`);
    return { value: document.toJS({ maxAliasCount: LIMITS.aliases }) as unknown };
  } catch (error) {
    if (error instanceof RangeError) return tooDeep;
    if (!(error instanceof ReferenceError)) throw error;
    if (error.message.startsWith('Unresolved alias'))
      return whole(`${error.message.replace(/ \(.*\): /u, ' ')}: no anchor of that name stands before it.`);
    return whole(`The definition uses YAML aliases too often; at most ${LIMITS.aliases} uses are allowed.`);
  }
}

function at(offset: number, lines: LineCounter): string {
  const { line, col } = lines.linePos(offset);
  return ` at line ${line}, column ${col}`;
}

/** Where the first key stands that its object has already. */
function doubledKey(document: Document.Parsed): number | undefined {
  let found: number | undefined;
  visit(document, {
    Map: (_, { items }) => {
      const seen = new Set<string>();
      for (const { key } of items) {
        const name = isScalar(key) ? String(key.value) : undefined;
        if (name !== undefined && seen.has(name)) found ??= (key as Scalar).range?.[0];
        if (found !== undefined) return visit.BREAK;
        if (name !== undefined) seen.add(name);
      }
      return undefined;
    },
  });
  return found;
}

/** What most often stands behind an error of the parser. */
const HINTS: Partial<Record<YAMLError['code'], string>> = {
  BLOCK_AS_IMPLICIT_KEY: 'Put text that holds ": ", such as an expression that makes an object, into quotes.',
  TAB_AS_INDENT: 'Indent with spaces.',
};

const tooDeep = whole(`The definition is nested too deep; at most ${LIMITS.depth} levels are allowed.`);

function syntax({ code, message }: YAMLError, place: string): string {
  if (code === 'MULTIPLE_DOCS') return `The text holds several YAML documents${place}; expected one.`;
  return `The text is neither valid YAML nor JSON${place}: ${(message.split('\n')[0] ?? '').replace(/[.:]$/u, '')}.`;
}

function plain(value: unknown): Source {
  if (isDeeperThan(value, LIMITS.depth)) return tooDeep;
  const json = jsonOf(value) ?? 'null';
  if (json.length > LIMITS.expandedBytes)
    return whole(
      `With its aliases put in place the definition is too large; at most ${LIMITS.expandedBytes} bytes are allowed.`,
    );
  const document: unknown = JSON.parse(json);
  if (!isJsonObject(document))
    return whole(`Expected an object with "document" and "do", but found ${described(document)}.`);
  const path = forbidden(document, '');
  if (path !== undefined) return { problem: { path, message: 'The name "__proto__" is not allowed.' } };
  return { document };
}

/** undefined for what JSON cannot say, such as a cycle. */
function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value, (_, member: unknown) => {
      if (typeof member === 'bigint' || (typeof member === 'number' && !Number.isFinite(member))) throw new TypeError();
      return member;
    });
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Where a name stands that would change an object instead of being one of its members. */
function forbidden(value: unknown, path: string): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, member] of Object.entries(value)) {
    if (key === '__proto__') return path;
    const found = forbidden(member, `${path}/${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
}
