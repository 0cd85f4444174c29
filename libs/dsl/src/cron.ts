import { Cron } from 'croner';

/** Any moment will do: whether a schedule ever fires must not depend on when it is read. */
const EPOCH = new Date(0);

/**
 * The next time after another one at which a cron expression of five fields fires, on the clock of an IANA time zone;
 * undefined when it never does. A time that a change to summer time skips fires at the change, one that comes twice fires once.
 */
export function nextCronTime(expression: string, timeZone: string, after: Date): Date | undefined {
  const job = new Cron(expression, { paused: true, mode: '5-part', timezone: timeZone });
  return job.nextRun(after) ?? undefined;
}

export function cronProblem(expression: string): { message: string; suggestion?: string } | undefined {
  const fields = expression.trim().split(/\s+/).length;
  if (fields !== 5)
    return {
      message: `Expected five fields (minute hour day month weekday), but found ${fields === 1 ? 'one' : fields}.`,
      ...(expression.trim().startsWith('@') && {
        suggestion: 'Write out what the name stands for, such as "0 0 * * *".',
      }),
    };
  try {
    if (nextCronTime(expression, 'UTC', EPOCH) !== undefined) return undefined;
    return { message: 'The cron expression names a day that no month has, so it never fires.' };
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^CronPattern: /, '').replace(/[.]$/, '') : '';
    return { message: `Expected five fields (minute hour day month weekday): ${reason}.` };
  }
}

export function timeZoneProblem(name: unknown): string | undefined {
  const message = 'Expected an IANA time zone, such as "Europe/Berlin".';
  if (typeof name !== 'string' || !/^[A-Za-z]/.test(name)) return message;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return undefined;
  } catch (error) {
    if (error instanceof RangeError) return message;
    throw error;
  }
}
