import { z } from 'zod';
import { list, secret } from './variable-types.js';

/** `key=value,…` with percent-encoded values, as OpenTelemetry's variables have it. */
const pairs = list.transform((entries, context) =>
  entries.map((entry): [string, string] => {
    const [, key, value] = /^([^=\s]+)\s*=(.*)$/.exec(entry) ?? [];
    if (key === undefined || value === undefined)
      context.addIssue({ code: 'custom', message: 'expected key=value, comma-separated' });
    return [key ?? '', decoded(value?.trim() ?? '')];
  }),
);

/** Those of OpenTelemetry's standard variables that are read. */
export const tracingVariables = {
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe(
      'OpenTelemetry collector that takes traces by OTLP over HTTP (JSON), e.g. `http://otel-collector:4318`; `/v1/traces` is added unless it is there. Without it there are no traces, and they cost nothing.',
    ),
  OTEL_EXPORTER_OTLP_HEADERS: pairs
    .default([])
    .meta(secret)
    .describe('Headers for the collector: `key=value,…`, values percent-encoded.'),
  OTEL_SERVICE_NAME: z.string().min(1).optional().describe('As which service spans are told; else `a2a-mcp-server`.'),
  OTEL_RESOURCE_ATTRIBUTES: pairs
    .default([])
    .describe('What spans tell about this process: `key=value,…`, e.g. `k8s.pod.name=a2a-mcp-server-1`.'),
  OTEL_TRACES_SAMPLER: z
    .enum([
      'always_on',
      'always_off',
      'traceidratio',
      'parentbased_always_on',
      'parentbased_always_off',
      'parentbased_traceidratio',
    ])
    .default('parentbased_always_on')
    .describe(
      'Which traces are recorded; the `parentbased_` ones keep to what the caller decided. Where callers are not trusted with that, take `traceidratio`.',
    ),
  OTEL_TRACES_SAMPLER_ARG: z.coerce
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe('Share of traces that the samplers by ratio record, 0 to 1.'),
  OTEL_SDK_DISABLED: z.stringbool().default(false).describe('Switches traces off, whatever else is set.'),
};

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
