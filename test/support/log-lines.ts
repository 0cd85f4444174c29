/** One structured line, as it was written to stdout. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly level: string; readonly message: string };

/** Collects what this process logs while it is in scope, instead of printing it. */
export function captureLog(): Disposable & { readonly lines: LogLine[] } {
  const write = process.stdout.write.bind(process.stdout);
  const lines: LogLine[] = [];
  process.stdout.write = (chunk: string | Uint8Array): boolean => {
    const text = String(chunk);
    if (!text.startsWith('{')) return write(chunk);
    lines.push(JSON.parse(text) as LogLine);
    return true;
  };
  return {
    lines,
    [Symbol.dispose]: () => {
      process.stdout.write = write;
    },
  };
}
