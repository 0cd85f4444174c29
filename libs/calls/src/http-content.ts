import { cleanJson, cleanText } from '@app/a2a';
import { CallError } from './call-error.js';

const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json$/;
const TEXT_TYPE =
  /^(?:text\/.*|application\/(?:xml|[\w.+-]+\+xml|yaml|x-yaml|javascript|x-www-form-urlencoded|x-ndjson|jsonl|graphql))$/;

/**
 * What bytes of that content type are as data: JSON parsed, text as text, all else in base64; null when there are none.
 * @throws CallError communication (502) for JSON that is none
 */
export function contentOf(bytes: Buffer, contentType: string | null, host: string): unknown {
  if (bytes.length === 0) return null;
  const [type = '', ...parameters] = (contentType ?? 'text/plain').toLowerCase().split(';');
  const name = type.trim();
  if (JSON_TYPE.test(name)) return cleanJson(parse(decode(bytes, 'utf-8'), host));
  if (!TEXT_TYPE.test(name)) return bytes.toString('base64');
  const text = decode(bytes, charsetIn(parameters), contentType === null);
  return text === undefined ? bytes.toString('base64') : cleanText(text);
}

function charsetIn(parameters: readonly string[]): string {
  const [, charset = 'utf-8'] = /charset="?([^"\s;]+)/.exec(parameters.join(';')) ?? [];
  return charset;
}

/** Undefined only when it must be text of that charset and is not. */
function decode(bytes: Buffer, charset: string, fatal = false): string | undefined {
  try {
    return new TextDecoder(charset, { fatal }).decode(bytes);
  } catch (error) {
    if (error instanceof RangeError) return decode(bytes, 'utf-8', fatal); // a charset that nobody knows
    return undefined;
  }
}

function parse(text: string | undefined, host: string): unknown {
  try {
    return JSON.parse(text ?? '') as unknown;
  } catch {
    throw new CallError('communication', `${host} answered with JSON that cannot be parsed`, { status: 502 });
  }
}
