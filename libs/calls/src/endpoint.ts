import { cleanText } from '@app/a2a';
import { isJsonObject } from '@app/core';
import { expected, isScalar } from './arguments.js';
import { CallError } from './call-error.js';

export interface Endpoint {
  readonly url: URL;
  /** A policy, or a reference to one; what `Authentications` understands. */
  readonly authentication?: unknown;
}

/**
 * DSL 1.0.3 "Endpoint": a URI, or `{uri, authentication}`; the URI may be a template.
 * @param data where the template's variables are
 * @throws CallError validation, expression
 */
export function readEndpoint(value: unknown, field: string, data: unknown): Endpoint {
  if (!isJsonObject(value)) return { url: readUri(value, field, data) };
  const { uri, authentication } = value;
  return { url: readUri(uri, `${field}.uri`, data), ...(authentication !== undefined && { authentication }) };
}

export function readUri(value: unknown, field: string, data: unknown): URL {
  if (typeof value !== 'string') throw expected(field, 'a URI, or an object with a uri');
  const uri = expandTemplate(value, field, data);
  if (!URL.canParse(uri)) throw expected(field, 'an absolute URI such as https://host/path');
  const url = new URL(uri);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw expected(field, 'an http or https URI');
  if (url.username !== '' || url.password !== '')
    throw expected(field, 'a URI without credentials; they belong into authentication');
  return url;
}

/** RFC 6570 §2.2: what begins with one of them is more than the simple expansion of §3.2.2, which is all the DSL has. */
const OPERATORS = /^[+#./;?&=,!@|]|[*,:]/;

/** DSL 1.0.3 "URI Template": `{name}` is the top-level property of that very name; empty when there is none. */
export function expandTemplate(template: string, field: string, data: unknown): string {
  return template.replaceAll(/\{([^{}]*)\}/g, (_, name: string) => {
    if (name === '' || OPERATORS.test(name))
      throw expected(field, `simple variables such as {id} instead of {${name}}`);
    const value = isJsonObject(data) && Object.hasOwn(data, name) ? data[name] : undefined;
    if (value === undefined || value === null) return '';
    if (!isScalar(value))
      throw new CallError('expression', `${field}: expected ${name} to be a text, a number, a boolean or null`);
    // Whatever stands there in data, it must not lead to another path.
    if (value === '.' || value === '..') throw expected(field, `another value of ${name} than dots`);
    return encode(String(value));
  });
}

/** All but the unreserved characters of RFC 3986. */
const encode = (text: string): string =>
  encodeURIComponent(cleanText(text)).replaceAll(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
