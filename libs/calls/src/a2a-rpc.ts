import { type AgentConnection, cleanJson } from '@app/a2a';
import { isJsonObject, type JsonObject, traceHeaders } from '@app/core';
import type { Outbound, OutboundInit } from '@app/outbound';
import { A2A_METHODS, type A2aMethod } from './a2a-methods.js';
import { CallError } from './call-error.js';
import type { Sent } from './sent.js';

interface Asked {
  readonly agent: AgentConnection;
  readonly params: JsonObject;
  readonly signal: AbortSignal;
  readonly limits: OutboundInit['limits'];
  readonly sent: Sent;
}

/** One JSON-RPC request with the parameters as they are. @throws CallError, DomainError */
export async function askByRpc(outbound: Outbound, method: A2aMethod, asked: Asked): Promise<unknown> {
  const { agent, params, signal, limits, sent } = asked;
  const target = agent.card.interfaces.find(({ binding }) => binding === 'JSONRPC');
  if (target === undefined)
    throw new CallError('configuration', `with.method: ${method} needs JSON-RPC, which the agent does not offer`);
  const known: { readonly modern?: string } = A2A_METHODS[method];
  const isModern = target.version === '1.0';
  const mayKnow = agent.origins?.includes(new URL(target.url).origin) === true;
  const response = await outbound.fetch(target.url, {
    method: 'POST',
    headers: {
      ...(mayKnow && agent.headers),
      'content-type': 'application/json',
      accept: 'application/json',
      ...(isModern && { 'a2a-version': '1.0' }),
      ...traceHeaders(agent.trace),
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: isModern ? known.modern : method, params }),
    limits,
    signal,
  });
  return readAnswer(await response.text(), response.status, new URL(target.url).host, sent);
}

function readAnswer(text: string, status: number, host: string, sent: Sent): unknown {
  const body = parsed(text);
  if (status === 401 || status === 403)
    throw new CallError(
      status === 401 ? 'authentication' : 'authorization',
      `The agent at ${host} answered HTTP ${status}`,
    );
  if (isJsonObject(body) && isJsonObject(body.error)) {
    const { code, message } = body.error;
    const words = typeof message === 'string' ? sent.excerpt(message) : '';
    throw new CallError('communication', `The agent at ${host} answered with error ${Number(code)}: ${words}`);
  }
  if (isJsonObject(body) && status < 300 && 'result' in body) return cleanJson(body.result);
  throw new CallError('communication', `The agent at ${host} answered HTTP ${status} without a result`, {
    status: 502,
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
