import { isJsonObject } from '@app/core';
import { type Check, listOf, oneOfWords, refuse, shape, text } from './checks.js';
import { membersOf, orExpression } from './data.js';
import type { Place } from './place.js';

/** http(s), and of RFC 6570 only plain variables, `{name}`. */
const TEMPLATE = /^https?:\/\/(?:[^\x00-\x20"'<>%\\^`{|}]|%[0-9a-f]{2}|\{[a-z0-9_]+\})+$/i; // oxlint-disable-line no-control-regex

const template: Check = (value, place) => {
  if (typeof value === 'string' && TEMPLATE.test(value)) return;
  place.expected('an http or https URL, which may hold {variables}', value);
};
export const uri = orExpression(template);

const secretReference: Check = (value, place) => {
  text('the name of a secret')(value, place);
  if (typeof value === 'string' && value.trim() !== '') place.secret(value);
};

/** Either what the policy needs, or the secret that holds it. */
const policyOf = (kind: string, fields: Readonly<Record<string, Check>>, required: readonly string[]): Check => {
  const keyword = `authentication.${kind}`;
  const what = `"${kind}" authentication`;
  const bySecret = shape({ keyword, what, fields: { use: secretReference }, required: ['use'] });
  const byValue = shape({ keyword, what, fields: { ...fields, use: secretReference }, required });
  return (value, place) => (isJsonObject(value) && Object.hasOwn(value, 'use') ? bySecret : byValue)(value, place);
};

const value = orExpression(text());
const credentials = { username: value, password: value };

const token = shape({
  keyword: 'authentication.oauth2.token',
  what: 'a token',
  fields: { token: value, type: value },
  required: ['token', 'type'],
});

const client = shape({
  keyword: 'authentication.oauth2.client',
  what: 'a client',
  fields: {
    id: value,
    secret: value,
    assertion: value,
    authentication: oneOfWords([
      'client_secret_basic',
      'client_secret_post',
      'client_secret_jwt',
      'private_key_jwt',
      'none',
    ]),
  },
  required: ['id'],
});

const request = shape({
  keyword: 'authentication.oauth2.request',
  what: 'a token request',
  fields: { encoding: oneOfWords(['application/x-www-form-urlencoded', 'application/json']) },
});

const grants = oneOfWords(['client_credentials', 'password']);
const REFUSED_GRANTS: readonly unknown[] = [
  'authorization_code',
  'refresh_token',
  'urn:ietf:params:oauth:grant-type:token-exchange',
];
const grant: Check = (given, place) => {
  if (REFUSED_GRANTS.includes(given)) return refuse(`authentication.oauth2.grant: ${String(given)}`, place);
  grants(given, place);
};

const path: Check = text('the path of an endpoint, such as "/oauth2/token"', { pattern: /^(?:\/|https?:\/\/)\S*$/ });
const endpoints = shape({
  keyword: 'authentication.oauth2.endpoints',
  what: 'the endpoints of an authority',
  fields: { token: path, revocation: path, introspection: path },
});

const oauth = {
  authority: template,
  grant,
  client,
  request,
  issuers: listOf(text(), { what: 'issuers' }),
  scopes: listOf(text(), { what: 'scopes' }),
  audiences: listOf(text(), { what: 'audiences' }),
  ...credentials,
  subject: token,
  actor: token,
};

const POLICIES = {
  basic: policyOf('basic', credentials, ['username', 'password']),
  bearer: policyOf('bearer', { token: value }, ['token']),
  digest: policyOf('digest', credentials, ['username', 'password']),
  oauth2: policyOf('oauth2', { ...oauth, endpoints }, ['authority', 'grant', 'client']),
  oidc: policyOf('oidc', oauth, ['authority', 'grant', 'client']),
};

/** DSL 1.0.3, "Authentication". */
export const authentication = shape({
  keyword: 'authentication',
  what: 'an authentication policy',
  fields: POLICIES,
  oneOf: Object.keys(POLICIES),
});

const policyReference: Check = (given, place) => {
  text('the name of an authentication policy')(given, place);
  if (typeof given === 'string' && given.trim() !== '') place.declared('authentications', given);
};
const byReference = shape({
  keyword: 'authentication',
  what: 'an authentication policy',
  fields: { use: policyReference },
});

const authenticationOrReference = (given: unknown, place: Place): void => {
  if (typeof given === 'string')
    return place.expected('an authentication policy', given, `Refer to a declared one: { use: ${given} }.`);
  (Object.hasOwn(membersOf(given), 'use') ? byReference : authentication)(given, place);
};

const inObject = shape({
  keyword: 'endpoint',
  what: 'an endpoint',
  fields: { uri, authentication: authenticationOrReference },
  required: ['uri'],
});

/** A URL, an expression that gives one, or both with authentication. */
export const endpoint: Check = (given, place) => (isJsonObject(given) ? inObject : uri)(given, place);

/** DSL 1.0.3, "External Resource". */
export const resource = shape({
  keyword: 'resource',
  what: 'an external resource',
  fields: { name: text(), endpoint },
  required: ['endpoint'],
});
