import type { Environment } from './environment.js';

/** Where OpenTelemetry traces go, and which. */
export interface TracingConfig {
  /** Of the collector, with its path. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly serviceName?: string;
  /** Further attributes of this process. */
  readonly resource: Readonly<Record<string, string>>;
  readonly sampler: Environment['OTEL_TRACES_SAMPLER'];
  /** 0 to 1, for the samplers by ratio. */
  readonly ratio: number;
}

/** OTLP over HTTP: the path of traces below the endpoint that all signals share. */
const PATH = '/v1/traces';

/** Undefined: no endpoint is named, so there are none. */
export function tracingOf(env: Environment): TracingConfig | undefined {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: base, OTEL_SERVICE_NAME: serviceName } = env;
  if (base === undefined || env.OTEL_SDK_DISABLED) return undefined;
  const url = new URL(base);
  // People paste the whole address, which the specification means for another variable.
  if (!url.pathname.endsWith(PATH)) url.pathname = `${url.pathname.replace(/\/+$/, '')}${PATH}`;
  return {
    url: url.href,
    headers: Object.fromEntries(env.OTEL_EXPORTER_OTLP_HEADERS),
    ...(serviceName !== undefined && { serviceName }),
    resource: Object.fromEntries(env.OTEL_RESOURCE_ATTRIBUTES),
    sampler: env.OTEL_TRACES_SAMPLER,
    ratio: env.OTEL_TRACES_SAMPLER_ARG,
  };
}
