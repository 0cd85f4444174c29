import { Injectable } from '@nestjs/common';
import { Config } from '@app/config';
import type { Trace } from '@app/core';
import { Log } from './log.js';
import { Metrics } from './metrics.js';

/**
 * Names are those of OpenTelemetry's semantic conventions, or begin with `a2a.`: ids, counts, codes, names of methods and
 * agents. Never payloads, never secrets. An undefined value is left out.
 */
export type SpanAttributes = Readonly<Record<string, string | number | boolean | undefined>>;

export interface NewSpan {
  /** Few different ones: no ids in it. */
  readonly name: string;
  /** `server`: somebody waits for us; `client`: we wait for somebody. */
  readonly kind: 'server' | 'client' | 'internal';
  /** Undefined: a trace begins here. */
  readonly parent: Trace | undefined;
  readonly attributes: SpanAttributes;
}

/** One piece of work that is being done. */
export interface Span {
  /** What is asked of others on its behalf belongs to this. */
  readonly trace: Trace;
  set(attributes: SpanAttributes): void;
  /** @param failure what went wrong, as a code of few values (`error.type`); without it nothing did */
  end(failure?: string): void;
}

export interface Recorder {
  begin(span: NewSpan): Span;
  /** Sends what is there, as far as that goes within the time. */
  close(timeoutMs: number): Promise<void>;
}

/** The grace that the last spans get; what is left of the process's own grace is longer. */
const CLOSE_MS = 3_000;

/**
 * OpenTelemetry traces. Off unless an OTLP endpoint is configured: then nothing of OpenTelemetry's SDK is loaded, and who
 * might begin a span reads one property: `traces.recorder?.begin({…})`.
 */
@Injectable()
export class Traces {
  private readonly log = new Log('Traces');
  /** Undefined: off. */
  recorder: Recorder | undefined;

  constructor(
    private readonly config: Config,
    private readonly metrics: Metrics,
  ) {}

  /** @param service as which spans are told, when `OTEL_SERVICE_NAME` names no other */
  async start(service: { readonly name: string; readonly version: string }): Promise<void> {
    const { tracing } = this.config;
    if (tracing === undefined) return;
    const { startRecorder } = await import('./otlp-recorder.js');
    this.recorder = startRecorder(tracing, service, (outcome, spans) =>
      this.metrics.traceSpans.inc({ outcome }, spans),
    );
    this.log.info('Traces are exported', { endpoint: new URL(tracing.url).origin, sampler: tracing.sampler });
  }

  async close(): Promise<void> {
    const { recorder } = this;
    this.recorder = undefined;
    await recorder?.close(CLOSE_MS);
  }
}
