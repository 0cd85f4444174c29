import type { LoggerService } from '@nestjs/common';
import { Log } from '@app/telemetry';

/** Nest's own lines, on our log: what it does at start is only worth a debug line. */
export class FrameworkLog implements LoggerService {
  log(message: unknown, context?: string): void {
    new Log(context ?? 'Nest').debug(String(message));
  }

  warn(message: unknown, context?: string): void {
    new Log(context ?? 'Nest').warn(String(message));
  }

  error(message: unknown, ...rest: unknown[]): void {
    const context = rest.at(-1);
    new Log(typeof context === 'string' && rest.length > 1 ? context : 'Nest').error(String(message), {
      cause: message,
    });
  }
}
