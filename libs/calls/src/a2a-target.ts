import { A2aClient, type AgentCard, type AgentConnection } from '@app/a2a';
import { DomainError, isJsonObject, type JsonObject } from '@app/core';
import { Injectable } from '@nestjs/common';
import { expected } from './arguments.js';
import { Authentications, type Authorization } from './authentications.js';
import type { CallContext } from './call-context.js';
import { type Endpoint, readEndpoint } from './endpoint.js';

export interface A2aTarget {
  readonly agent: AgentConnection;
  readonly host: string;
  readonly authorization: Authorization | undefined;
}

/** Finds out how to speak to an agent that is not registered here. */
@Injectable()
export class A2aTargets {
  constructor(
    private readonly a2a: A2aClient,
    private readonly authentications: Authentications,
  ) {}

  /**
   * By its card (`agentCard`), or by its address (`server`), for which a card there or above is looked up; without one it is
   * taken to speak 0.3 over JSON-RPC. With both, the card says how and the address where. What authenticates goes to the
   * origin of the given address only.
   * @throws CallError, DomainError
   */
  async find(args: JsonObject, ctx: CallContext, signal: AbortSignal): Promise<A2aTarget> {
    const { card, server } = readAddresses(args, ctx);
    const given = server ?? card;
    if (given === undefined)
      throw expected('with.server', 'the address of the agent, or that of its card in agentCard');
    const policy = server?.authentication ?? card?.authentication;
    const authorization = await this.authentications.authorize(policy, ctx, signal);
    const headers = authorization && { authorization: authorization.header };
    const found = await this.discover(card ?? given, card === undefined, { signal, ...(headers && { headers }) });
    const agent: AgentConnection = {
      card: server === undefined && found !== undefined ? found : this.at(given.url, found),
      origins: [given.url.origin],
      ...(headers && { headers }),
      ...(ctx.trace !== undefined && { trace: ctx.trace }),
    };
    return { agent, host: given.url.host, authorization };
  }

  /** @param isGuess there may be none: the address is the agent's, not its card's */
  private async discover(
    { url }: Endpoint,
    isGuess: boolean,
    options: { signal: AbortSignal; headers?: Record<string, string> },
  ): Promise<AgentCard | undefined> {
    try {
      return (await this.a2a.discover(url.href, options)).card;
    } catch (error) {
      if (isGuess && error instanceof DomainError && error.code === 'invalid') return undefined;
      throw error;
    }
  }

  /** An agent at exactly that address. A card found nearby that does not name it may be another agent's. */
  private at({ href }: URL, found: AgentCard | undefined): AgentCard {
    const bare = (url: string) => url.replace(/\/$/, '');
    const interfaces = found?.interfaces.filter(({ url }) => bare(url) === bare(href)) ?? [];
    if (found !== undefined && interfaces.length > 0) return { ...found, interfaces };
    return this.a2a.readCard({ name: 'Agent', url: href });
  }
}

function readAddresses(args: JsonObject, ctx: CallContext): { card?: Endpoint; server?: Endpoint } {
  const { agentCard, server } = args;
  if (agentCard !== undefined && !isJsonObject(agentCard))
    throw expected('with.agentCard', 'an object with an endpoint');
  return {
    ...(agentCard !== undefined && { card: readEndpoint(agentCard.endpoint, 'with.agentCard.endpoint', ctx.data) }),
    ...(server !== undefined && { server: readEndpoint(server, 'with.server', ctx.data) }),
  };
}
