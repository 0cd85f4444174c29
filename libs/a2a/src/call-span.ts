import { DomainError } from '@app/core';
import type { Span, Traces } from '@app/telemetry';
import { AgentError } from './errors.js';
import type { AgentConnection, AgentInterface } from './model.js';
import type { Operation } from './requests.js';

/** One request to an agent, until the last of its answer. */
export function beginCall(
  { recorder }: Traces,
  agent: AgentConnection,
  target: AgentInterface,
  { name }: Operation,
): Span | undefined {
  if (recorder === undefined) return undefined;
  const { hostname, port, protocol } = new URL(target.url);
  return recorder.begin({
    name: `a2a ${name}`,
    kind: 'client',
    parent: agent.trace,
    attributes: {
      'rpc.system.name': target.binding === 'JSONRPC' ? 'jsonrpc' : undefined,
      'rpc.method': name,
      'server.address': hostname,
      'server.port': Number(port) || (protocol === 'https:' ? 443 : 80),
      'a2a.protocol.version': target.version,
      ...agent.spanAttributes,
    },
  });
}

/** What a failed call counts as: the agent's own reason, our code, or the kind of accident. */
export function failureOf(error: unknown): string {
  if (error instanceof AgentError) return error.reason;
  if (error instanceof DomainError) return error.code;
  return error instanceof Error ? error.name : 'unknown';
}
