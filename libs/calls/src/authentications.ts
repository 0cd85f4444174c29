import { isJsonObject, type JsonObject } from '@app/core';
import { Injectable } from '@nestjs/common';
import { expected, textIn } from './arguments.js';
import type { CallContext } from './call-context.js';
import { CallError } from './call-error.js';
import { type Grant, readGrant } from './grant.js';
import { Tokens } from './tokens.js';

export interface Authorization {
  /** Of the `Authorization` header. */
  readonly header: string;
  /** Called when it was refused. @returns whether another try with what is then found may help */
  refused(): boolean;
}

type Resolve = (config: JsonObject, field: string, signal: AbortSignal) => Promise<Authorization>;

const NEVER = (): boolean => false;

/** Turns an authentication policy of the DSL into the header it stands for. */
@Injectable()
export class Authentications {
  constructor(private readonly tokens: Tokens) {}

  /**
   * DSL 1.0.3 "Authentication": inline, `{use: name}` of `use.authentications`, or with a secret (`{basic: {use: secret}}`).
   * @returns undefined without a policy
   * @throws CallError configuration, validation, authentication
   */
  async authorize(policy: unknown, ctx: CallContext, signal: AbortSignal): Promise<Authorization | undefined> {
    if (policy === undefined) return undefined;
    const named = this.named(policy, ctx);
    const schemes = Object.keys(named);
    const [scheme = ''] = schemes;
    const resolve = this.schemes[scheme];
    if (schemes.length !== 1 || resolve === undefined)
      throw new CallError(
        'configuration',
        UNSUPPORTED.get(scheme) ?? `authentication: expected one of ${this.known()}`,
      );
    const config = await inlineOf(named[scheme], `authentication.${scheme}`, scheme, ctx);
    return resolve(config, `authentication.${scheme}`, signal);
  }

  private readonly schemes: Readonly<Record<string, Resolve>> = {
    basic: (config, field) => Promise.resolve({ header: basic(config, field), refused: NEVER }),
    bearer: (config, field) =>
      Promise.resolve({ header: `Bearer ${textIn(config, 'token', `${field}.token`)}`, refused: NEVER }),
    oauth2: (config, field, signal) => this.token(readGrant(config, field, 'oauth2'), signal),
    oidc: (config, field, signal) => this.token(readGrant(config, field, 'oidc'), signal),
  };

  private known(): string {
    return Object.keys(this.schemes).join(', ');
  }

  private named(policy: unknown, { authentications }: CallContext): JsonObject {
    if (!isJsonObject(policy)) throw expected('authentication', 'an object');
    if (!('use' in policy)) return policy;
    const name = textIn(policy, 'use', 'authentication.use');
    const found = Object.hasOwn(authentications, name) ? authentications[name] : undefined;
    if (found === undefined)
      throw expected('authentication.use', `the name of one of use.authentications, not ${name}`);
    if ('use' in found) throw new CallError('configuration', `use.authentications.${name}: must not refer to another`);
    return found;
  }

  private async token(grant: Grant, signal: AbortSignal): Promise<Authorization> {
    const { token, forget } = await this.tokens.tokenFor(grant, signal);
    return { header: `Bearer ${token}`, refused: forget };
  }
}

const UNSUPPORTED: ReadonlyMap<string, string> = new Map([
  ['digest', 'authentication.digest: not supported; use basic, bearer, oauth2 or oidc over https'],
  ['certificate', 'authentication.certificate: not supported; use basic, bearer, oauth2 or oidc over https'],
]);

/** The configuration itself, or the secret that holds it; for bearer the secret may be the token alone. */
async function inlineOf(config: unknown, field: string, scheme: string, ctx: CallContext): Promise<JsonObject> {
  if (!isJsonObject(config)) throw expected(field, 'an object');
  if (!('use' in config)) return config;
  const name = textIn(config, 'use', `${field}.use`);
  const secret = await ctx.secret(name);
  if (scheme === 'bearer' && typeof secret === 'string') return { token: secret };
  if (!isJsonObject(secret))
    throw expected(`${field}.use`, `the secret ${name} to be an object with what ${scheme} needs`);
  return secret;
}

/** RFC 7617 §2: the first colon ends the username. */
function basic(config: JsonObject, field: string): string {
  const username = textIn(config, 'username', `${field}.username`);
  const { password = '' } = config;
  if (username.includes(':')) throw expected(`${field}.username`, 'a name without a colon');
  if (typeof password !== 'string') throw expected(`${field}.password`, 'a text');
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
