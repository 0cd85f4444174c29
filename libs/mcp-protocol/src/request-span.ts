import type { Span, Traces } from '@app/telemetry';
import type { Exchange } from './exchange.js';
import type { Principal } from './host.js';
import { traceOf } from './trace-of.js';

type Recorder = NonNullable<Traces['recorder']>;

/** A subscription is open as long as its client likes: nothing that would tell something in a trace. */
const ENDLESS = 'subscriptions/listen';

/** What clients send is cut: a span is no place for payloads. */
const LONGEST_NAME = 128;

/** The span of one MCP request, in the words of OpenTelemetry's conventions for MCP. */
export function beginRequest<P extends Principal>(
  recorder: Recorder,
  exchange: Exchange<P>,
  isKnown: boolean,
): Span | undefined {
  const { method, params, id, wire } = exchange;
  if (method === ENDLESS) return undefined;
  const tool = method === 'tools/call' && typeof params.name === 'string' ? params.name : undefined;
  return recorder.begin({
    name: isKnown ? method : 'unknown method',
    kind: 'server',
    parent: traceOf(exchange.meta, wire.headers),
    attributes: {
      'mcp.method.name': method.slice(0, LONGEST_NAME),
      'gen_ai.tool.name': tool?.slice(0, LONGEST_NAME),
      'jsonrpc.request.id': String(id).slice(0, LONGEST_NAME),
      'network.protocol.name': wire.headers === undefined ? 'websocket' : 'http',
    },
  });
}
