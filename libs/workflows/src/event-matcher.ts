import { isDeepStrictEqual } from 'node:util';
import { isJsonObject } from '@app/core';
import { ExpressionError, isExpression } from '@app/expressions';
import type { Listening, ListenFilter, Taken } from './frame.js';
import { filtersOf } from './listening.js';
import type { Evaluator } from './scope.js';

type Event = Readonly<Record<string, unknown>>;

/** Whether events are what somebody listens for. */
export class EventMatcher {
  constructor(private readonly expressions: Evaluator) {}

  taking(to: Listening, taken: readonly Taken[]): Taking {
    return new Taking(this, to, taken);
  }

  /** What an event is correlated by; undefined: it has none of it. */
  async valuesOf(froms: readonly string[], event: Event): Promise<unknown[] | undefined> {
    try {
      const values: unknown[] = [];
      for (const from of froms) values.push(await this.expressions.evaluate(from, { data: event, variables: {} }));
      return values;
    } catch (error) {
      if (error instanceof ExpressionError) return undefined;
      throw error;
    }
  }

  /** @param first what was taken before: values that nobody expects must be the same in all */
  async fits({ with: attributes, correlate }: ListenFilter, event: Event, first: Event | undefined): Promise<boolean> {
    for (const [name, wanted] of Object.entries(attributes)) if (!(await this.has(event, name, wanted))) return false;
    for (const { from, expect } of correlate) {
      const [value] = (await this.valuesOf([from], event)) ?? [];
      const [before] = first === undefined ? [value] : ((await this.valuesOf([from], first)) ?? []);
      if (value === undefined || value === null || !isDeepStrictEqual(value, expect ?? before)) return false;
    }
    return true;
  }

  async until(expression: string, values: readonly unknown[]): Promise<boolean> {
    return this.expressions.holds(expression, { data: values, variables: {} });
  }

  private async has(event: Event, name: string, wanted: unknown): Promise<boolean> {
    if (typeof wanted === 'string' && isExpression(wanted)) {
      try {
        return await this.expressions.holds(wanted, { data: name === 'data' ? event.data : event, variables: {} });
      } catch (error) {
        if (error instanceof ExpressionError) return false;
        throw error;
      }
    }
    return isDeepStrictEqual(event[name], wanted);
  }
}

/** What one `listen` has taken, and whether that is enough. */
export class Taking {
  readonly news: Taken[] = [];
  private done = false;

  constructor(
    private readonly matcher: EventMatcher,
    private readonly to: Listening,
    private readonly before: readonly Taken[],
  ) {}

  get isDone(): boolean {
    return this.done;
  }

  /** Types of events it may take; null: any. */
  get types(): string[] | null {
    const types = filtersOf(this.to).map(({ with: { type } }) => type);
    const isAny = types.some((type) => typeof type !== 'string' || isExpression(type));
    return isAny ? null : (types as string[]);
  }

  async offer(position: number, event: Event): Promise<void> {
    const all = [...this.before, ...this.news];
    const ending = await this.endingFor(
      event,
      all.filter(({ ends }) => ends),
    );
    const filter =
      ending ??
      (await this.filterFor(
        this.to,
        event,
        all.filter(({ ends }) => !ends),
      ));
    if (filter === undefined) return;
    const taken = { filter, position, event, ...(ending !== undefined && { ends: true as const }) };
    this.news.push(taken);
    this.done = await this.isEnough([...all, taken]);
  }

  output(read: 'data' | 'envelope' | 'raw'): unknown {
    return [...this.before, ...this.news].filter(({ ends }) => !ends).map(({ event }) => valueOf(event, read));
  }

  /** Of the filters of `until`, the one that it fits. */
  private async endingFor(event: Event, all: readonly Taken[]): Promise<number | undefined> {
    const { until } = this.to;
    return typeof until === 'object' ? this.filterFor(until, event, all) : undefined;
  }

  private async filterFor(
    { mode, filters }: Listening,
    event: Event,
    all: readonly Taken[],
  ): Promise<number | undefined> {
    // `any` of nothing in particular: whatever comes.
    if (filters.length === 0) return 0;
    for (const [index, filter] of filters.entries()) {
      if (mode === 'all' && all.some((one) => one.filter === index)) continue;
      if (await this.matcher.fits(filter, event, all[0]?.event)) return index;
    }
    return undefined;
  }

  private async isEnough(all: readonly Taken[]): Promise<boolean> {
    const { until } = this.to;
    if (until === undefined) return areEnough(this.to, all);
    const ending = all.filter(({ ends }) => ends);
    if (typeof until === 'object') return ending.length > 0 && areEnough(until, ending);
    return this.matcher.until(
      until,
      all.map(({ event }) => event.data),
    );
  }
}

/** Of `all`, one for each filter; else the first. */
const areEnough = ({ mode, filters }: Listening, taken: readonly Taken[]): boolean =>
  mode !== 'all' || filters.every((_, index) => taken.some(({ filter }) => filter === index));

function valueOf(event: Event, read: 'data' | 'envelope' | 'raw'): unknown {
  if (read === 'envelope') return event;
  return event.data ?? (isJsonObject(event) && 'data_base64' in event ? event.data_base64 : null);
}
