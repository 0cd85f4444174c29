import type { Trace } from '@app/core';

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
