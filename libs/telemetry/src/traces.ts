import { Injectable } from '@nestjs/common';
import { Config } from '@app/config';
import { Log } from './log.js';
import { Metrics } from './metrics.js';
import type { Recorder } from './span.js';

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
