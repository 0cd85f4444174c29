import { isJsonObject, type JsonObject, traceIn } from '@app/core';

/** The trace a request belongs to: `_meta.traceparent`, as MCP 2026-07-28 carries it on every transport. */
export const traceOf = ({ _meta }: JsonObject): string | undefined =>
  isJsonObject(_meta) ? traceIn(_meta.traceparent) : undefined;
