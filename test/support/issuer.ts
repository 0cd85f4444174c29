import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import Provider from 'oidc-provider';

export const CLIENT_SECRET = 'client-secret-of-the-tests';

/** What a person's token says beside who it is. */
export interface Person {
  readonly groups?: readonly string[];
  readonly roles?: readonly string[];
}

export type TestIssuer = Awaited<ReturnType<typeof startIssuer>>;

/**
 * A real OpenID Connect provider on a free port. People are clients with the secret above, which get tokens for themselves.
 * @param resource which the tokens are for
 */
export async function startIssuer(resource: string, people: Readonly<Record<string, Person>>) {
  const http = createServer();
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const issuer = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
  const key = { ...(await exportJWK(privateKey)), kid: 'first', alg: 'ES256', use: 'sig' };
  const provider = new Provider(issuer, {
    clients: Object.keys(people).map((client_id) => ({
      client_id,
      client_secret: CLIENT_SECRET,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      id_token_signed_response_alg: 'ES256',
    })),
    jwks: { keys: [key] },
    scopes: ['openid', 'mcp'],
    extraTokenClaims: (_: unknown, token: { clientId?: string }) => ({ ...people[token.clientId ?? ''] }),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => resource,
        getResourceServerInfo: (_: unknown, audience: string) => ({
          scope: 'mcp',
          audience,
          accessTokenTTL: 3_600,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
  });
  const answer = provider.callback();
  http.on('request', (request, response) => void answer(request, response));

  /** An access token, as a program would get it. */
  const token = async (person: string, { scope = 'mcp', audience = resource } = {}): Promise<string> => {
    const response = await fetch(`${issuer}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${person}:${CLIENT_SECRET}`).toString('base64')}` },
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        resource: audience,
        ...(scope !== '' && { scope }),
      }),
    });
    const { access_token } = (await response.json()) as { access_token?: string };
    if (access_token === undefined) throw new Error(`No token for ${person}: ${response.status}`);
    return access_token;
  };

  /** Whatever the issuer would never say, signed with its own key. */
  const sign = (payload: JWTPayload, header: Record<string, unknown> = {}): Promise<string> =>
    new SignJWT(payload).setProtectedHeader({ alg: 'ES256', kid: 'first', typ: 'at+jwt', ...header }).sign(privateKey);

  return {
    issuer,
    token,
    sign,
    publicKey,
    /** What a good token says. */
    claims: (subject = 'mallory'): JWTPayload => ({
      iss: issuer,
      aud: resource,
      sub: subject,
      scope: 'mcp',
      iat: Math.floor(Date.now() / 1_000),
      exp: Math.floor(Date.now() / 1_000) + 60,
    }),
    [Symbol.asyncDispose]: async () => {
      http.closeAllConnections();
      http.close();
      await once(http, 'close');
    },
  };
}
