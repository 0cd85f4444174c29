const TYPES = 'https://serverlessworkflow.io/spec/1.0.0/errors/';

/** DSL 1.0.3, "Standard Error Types", with the status each has when nothing says better. */
const KINDS = {
  configuration: { status: 400, title: 'Configuration error' },
  validation: { status: 400, title: 'Validation error' },
  expression: { status: 400, title: 'Expression error' },
  authentication: { status: 401, title: 'Authentication error' },
  authorization: { status: 403, title: 'Authorization error' },
  timeout: { status: 408, title: 'Timeout' },
  communication: { status: 500, title: 'Communication error' },
  runtime: { status: 500, title: 'Runtime error' },
} as const;
export type CallErrorKind = keyof typeof KINDS;

interface CallErrorOptions extends ErrorOptions {
  readonly status?: number;
  readonly title?: string;
}

/** Why a call failed, as a workflow's `catch` sees it (RFC 7807, DSL 1.0.3 "Error"). Holds nothing that was sent. */
export class CallError extends Error {
  /** URI of the DSL's standard error types. */
  readonly type: string;
  /** HTTP status, of the answer where there was one. */
  readonly status: number;
  readonly title: string;

  constructor(
    readonly kind: CallErrorKind,
    readonly detail: string,
    { status, title, ...options }: CallErrorOptions = {},
  ) {
    super(detail, options);
    this.name = 'CallError';
    this.type = TYPES + kind;
    this.status = status ?? KINDS[kind].status;
    this.title = title ?? KINDS[kind].title;
  }
}
