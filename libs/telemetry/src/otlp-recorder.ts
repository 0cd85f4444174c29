import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Context,
  createTraceState,
  ROOT_CONTEXT,
  type Span as OtelSpan,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BasicTracerProvider,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-base';
import type { TracingConfig } from '@app/config';
import type { Trace } from '@app/core';
import { type CountSpans, ForgivingExporter } from './forgiving-exporter.js';
import type { NewSpan, Recorder, Span, SpanAttributes } from './span.js';

/** What waits to be sent: a full queue drops spans, about 2 MB of them. */
const QUEUE = {
  maxQueueSize: 2_048,
  maxExportBatchSize: 512,
  scheduledDelayMillis: 2_000,
  exportTimeoutMillis: 10_000,
};
/** One batch, with the exporter's own retries. */
const EXPORT_MS = 5_000;

const KIND = { server: SpanKind.SERVER, client: SpanKind.CLIENT, internal: SpanKind.INTERNAL };

/** Loaded only when traces are on. */
export function startRecorder(
  config: TracingConfig,
  service: { readonly name: string; readonly version: string },
  count: CountSpans,
): Recorder {
  const exporter = new OTLPTraceExporter({ url: config.url, headers: config.headers, timeoutMillis: EXPORT_MS });
  const provider = new BasicTracerProvider({
    sampler: samplerOf(config),
    resource: resourceFromAttributes({
      'service.name': config.serviceName ?? service.name,
      'service.version': service.version,
      'service.instance.id': randomUUID(),
      ...config.resource,
    }),
    spanProcessors: [new BatchSpanProcessor(new ForgivingExporter(exporter, count), QUEUE)],
  });
  return new OtlpRecorder(provider, provider.getTracer(service.name, service.version));
}

class OtlpRecorder implements Recorder {
  constructor(
    private readonly provider: BasicTracerProvider,
    private readonly tracer: Tracer,
  ) {}

  begin({ name, kind, parent, attributes }: NewSpan): Span {
    return new RecordedSpan(this.tracer.startSpan(name, { kind: KIND[kind], attributes }, contextOf(parent)));
  }

  async close(timeoutMs: number): Promise<void> {
    await Promise.race([this.provider.shutdown().catch(() => undefined), sleep(timeoutMs, undefined, { ref: false })]);
  }
}

class RecordedSpan implements Span {
  constructor(private readonly span: OtelSpan) {}

  get trace(): Trace {
    const { traceId, spanId, traceFlags, traceState } = this.span.spanContext();
    const parent = `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
    const state = traceState?.serialize();
    return state ? { parent, state } : { parent };
  }

  set(attributes: SpanAttributes): void {
    this.span.setAttributes(attributes);
  }

  end(failure?: string): void {
    if (failure !== undefined) this.span.setAttribute('error.type', failure).setStatus({ code: SpanStatusCode.ERROR });
    this.span.end();
  }
}

function contextOf(parent: Trace | undefined): Context {
  if (parent === undefined) return ROOT_CONTEXT;
  const [, traceId = '', spanId = '', flags = '00'] = parent.parent.split('-');
  const remote: SpanContext = { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true };
  const traceState = parent.state === undefined ? {} : { traceState: createTraceState(parent.state) };
  return trace.setSpanContext(ROOT_CONTEXT, { ...remote, ...traceState });
}

function samplerOf({ sampler, ratio }: TracingConfig): Sampler {
  const isByParent = sampler.startsWith('parentbased_');
  const root = rootSampler(sampler.replace('parentbased_', ''), ratio);
  return isByParent ? new ParentBasedSampler({ root }) : root;
}

function rootSampler(name: string, ratio: number): Sampler {
  if (name === 'traceidratio') return new TraceIdRatioBasedSampler(ratio);
  return name === 'always_off' ? new AlwaysOffSampler() : new AlwaysOnSampler();
}
