import type { IncomingHttpHeaders } from 'node:http';
import { type JsonObject, type Trace, traceIn } from '@app/core';

/** The trace that a client names: `_meta.traceparent`, as MCP 2026-07-28 carries it on every transport, else the HTTP header. */
export const traceOf = (meta: JsonObject | undefined, headers: IncomingHttpHeaders | undefined): Trace | undefined =>
  traceIn(meta?.traceparent, meta?.tracestate) ?? traceIn(headers?.traceparent, headers?.tracestate);
