import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base';
import { Log } from './log.js';

/** How often a collector that is away is worth a line. */
const WARN_EVERY_MS = 60_000;
/** OpenTelemetry's `ExportResultCode`. */
const SUCCESS = 0;

export type CountSpans = (outcome: 'exported' | 'failed', spans: number) => void;
type Result = Parameters<Parameters<SpanExporter['export']>[1]>[0];

/** Traces are worth less than what they tell of: a collector that is away costs its spans and a line now and then. */
export class ForgivingExporter implements SpanExporter {
  private readonly log = new Log('Traces');
  private lastWarning = -Infinity;
  private lost = 0;

  constructor(
    private readonly inner: SpanExporter,
    private readonly count: CountSpans,
  ) {}

  export(spans: ReadableSpan[], done: (result: Result) => void): void {
    this.inner.export(spans, ({ code, error }) => {
      this.count(code === SUCCESS ? 'exported' : 'failed', spans.length);
      if (code !== SUCCESS) this.failed(spans.length, error);
      done({ code: SUCCESS });
    });
  }

  forceFlush(): Promise<void> {
    return this.inner.forceFlush?.() ?? Promise.resolve();
  }

  shutdown(): Promise<void> {
    return this.inner.shutdown();
  }

  private failed(spans: number, error: Error | undefined): void {
    this.lost += spans;
    if (performance.now() - this.lastWarning < WARN_EVERY_MS) return;
    this.log.warn('Spans could not be exported', { spans: this.lost, cause: error });
    this.lastWarning = performance.now();
    this.lost = 0;
  }
}
