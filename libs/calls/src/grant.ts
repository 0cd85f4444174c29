import { isJsonObject, type JsonObject } from '@app/core';
import { expected, objectIn, textIn } from './arguments.js';
import { readUri } from './endpoint.js';

/** How a client shows who it is (RFC 7591 §2 `token_endpoint_auth_method`). */
const CLIENT_AUTHENTICATIONS = [
  'client_secret_post',
  'client_secret_basic',
  'client_secret_jwt',
  'private_key_jwt',
  'none',
] as const;
export type ClientAuthentication = (typeof CLIENT_AUTHENTICATIONS)[number];

/** Those that need no person at a browser and leave no token to keep. */
const GRANTS = ['client_credentials', 'password'] as const;

/** DSL 1.0.3 "OAUTH2 Authentication" and "OpenIdConnect Authentication", with all that is left open filled in. */
export interface Grant {
  readonly authority: URL;
  /** Undefined: the authority's discovery document says (OpenID Connect Discovery 1.0 §4). */
  readonly tokenEndpoint?: URL;
  readonly type: (typeof GRANTS)[number];
  readonly clientId: string;
  readonly clientAuthentication: ClientAuthentication;
  readonly clientSecret?: string;
  readonly clientAssertion?: string;
  /** What is asked for, beside the grant type and what the client shows. */
  readonly parameters: readonly (readonly [name: string, value: string])[];
  /** Who may have issued the token; anybody when empty. */
  readonly issuers: readonly string[];
}

/** @throws CallError validation */
export function readGrant(config: JsonObject, field: string, scheme: 'oauth2' | 'oidc'): Grant {
  const authority = readUri(config.authority, `${field}.authority`, {});
  const type = oneOf(GRANTS, config.grant, `${field}.grant`);
  const client = objectIn(config, 'client', `${field}.client`);
  const { encoding = FORM } = objectIn(config, 'request', `${field}.request`);
  if (encoding !== FORM) throw expected(`${field}.request.encoding`, `${FORM} (RFC 6749 §4.4.2)`);
  const how = oneOf(
    CLIENT_AUTHENTICATIONS,
    client.authentication ?? 'client_secret_post',
    `${field}.client.authentication`,
  );
  const scopes = textsIn(config, 'scopes', field);
  const audiences = textsIn(config, 'audiences', field);
  return {
    authority,
    ...(scheme === 'oauth2' && { tokenEndpoint: tokenEndpointOf(config, authority, field) }),
    type,
    clientId: textIn(client, 'id', `${field}.client.id`),
    clientAuthentication: how,
    ...proofOf(client, how, `${field}.client`),
    parameters: [
      ...(scopes.length > 0 ? [['scope', scopes.join(' ')] as const] : []),
      ...audiences.map((audience) => ['audience', audience] as const),
      ...(type === 'password'
        ? (['username', 'password'] as const).map((name) => [name, textIn(config, name, `${field}.${name}`)] as const)
        : []),
    ],
    issuers: textsIn(config, 'issuers', field),
  };
}

const FORM = 'application/x-www-form-urlencoded';

function proofOf(client: JsonObject, how: ClientAuthentication, field: string) {
  if (how === 'none') return {};
  if (how === 'private_key_jwt') return { clientAssertion: textIn(client, 'assertion', `${field}.assertion`) };
  return { clientSecret: textIn(client, 'secret', `${field}.secret`) };
}

/** "The relative path to the endpoint": below the authority, whatever it begins with. */
function tokenEndpointOf(config: JsonObject, authority: URL, field: string): URL {
  const { token = '/oauth2/token' } = objectIn(config, 'endpoints', `${field}.endpoints`);
  if (typeof token !== 'string') throw expected(`${field}.endpoints.token`, 'a path below the authority');
  if (URL.canParse(token)) return readUri(token, `${field}.endpoints.token`, {});
  return new URL(`${authority.href.replace(/\/$/, '')}/${token.replace(/^\//, '')}`);
}

function oneOf<T extends string>(words: readonly T[], value: unknown, field: string): T {
  const word = words.find((known) => known === value);
  if (word === undefined) throw expected(field, `one of ${words.join(', ')}`);
  return word;
}

function textsIn(config: JsonObject, name: string, field: string): string[] {
  const value = config[name] ?? [];
  if (!Array.isArray(value) || value.some((item) => typeof item !== 'string' || isJsonObject(item)))
    throw expected(`${field}.${name}`, 'a list of texts');
  return value as string[];
}
