import type { Listening, ListenFilter } from './frame.js';

/** Takes whatever comes. */
const ANYTHING: ListenFilter = { with: {}, correlate: [] };

/** All that a `listen` must be told of: `any` of no filter is any event. */
export function filtersOf({ filters, until }: Listening): readonly ListenFilter[] {
  const ends = typeof until === 'object' ? until.filters : [];
  return [...(filters.length === 0 ? [ANYTHING] : filters), ...ends];
}

/** What is looked at in an event: its type, and what it is correlated by. `*`: any type. */
export function patternsOf(filters: readonly ListenFilter[]): string[] {
  return filters.map((filter) => JSON.stringify(patternOf(filter)));
}

/** What is found there in the events that may concern a filter. */
export function keysOf(filters: readonly ListenFilter[]): string[] {
  return filters.map((filter) => {
    const [type, ...froms] = patternOf(filter);
    const values = filter.correlate.filter(({ expect }) => expect !== undefined).map(({ expect }) => expect);
    return keyOf(type, froms, values);
  });
}

export const keyOf = (type: string, froms: readonly string[], values: readonly unknown[]): string =>
  JSON.stringify([type, froms, values]);

function patternOf(filter: ListenFilter): [type: string, ...froms: string[]] {
  const { type } = filter.with;
  const isLiteral = typeof type === 'string' && !type.includes('${');
  const froms = filter.correlate.filter(({ expect }) => expect !== undefined).map(({ from }) => from);
  return [isLiteral ? type : '*', ...froms];
}
