import { inspect } from 'node:util';

const LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LEVELS)[number];
/** What belongs to an event: ids, counts, durations in ms. Never secrets, never payloads. `cause` takes an error. */
export type LogFields = Readonly<Record<string, unknown>>;

const settings = { level: 'info' as LogLevel, json: true };

/** Set once at start, before the first line. */
export function configureLog(chosen: { level: LogLevel; json: boolean }): void {
  Object.assign(settings, chosen);
}

/** Writes one structured line an event to stdout. Runbooks grep its words and its capital levels (`ERROR`). */
export class Log {
  constructor(private readonly context: string) {}

  error(message: string, fields?: LogFields): void {
    this.write('error', message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.write('warn', message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.write('info', message, fields);
  }

  debug(message: string, fields?: LogFields): void {
    this.write('debug', message, fields);
  }

  private write(level: LogLevel, message: string, fields: LogFields = {}): void {
    if (LEVELS.indexOf(level) > LEVELS.indexOf(settings.level)) return;
    const plain = Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, readable(value)]));
    process.stdout.write(
      settings.json ? jsonLine(level, this.context, message, plain) : prettyLine(level, this.context, message, plain),
    );
  }
}

function jsonLine(level: LogLevel, context: string, message: string, fields: LogFields): string {
  return `${JSON.stringify({ time: new Date().toISOString(), level: level.toUpperCase(), context, message, ...fields })}\n`;
}

function prettyLine(level: LogLevel, context: string, message: string, fields: LogFields): string {
  const rest = Object.entries(fields).map(
    ([key, value]) => `${key}=${typeof value === 'string' ? value : inspect(value, { breakLength: Infinity })}`,
  );
  return `${new Date().toISOString().slice(11, 23)} ${level.toUpperCase().padEnd(5)} ${context}: ${[message, ...rest].join('  ')}\n`;
}

/** An error keeps its message, code and causes; its stack only where nobody expected it. */
function readable(value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  const code = 'code' in value ? ` (${String(value.code)})` : '';
  const text = `${value.name}: ${value.message}${code}`;
  return value.cause === undefined ? text : `${text}; caused by ${String(readable(value.cause))}`;
}
