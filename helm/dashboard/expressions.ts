import { type Panel, rate } from './panels.js';

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

/** Legend and grouping of what each replica has of its own; outside of Kubernetes there are no pods. */
export const replica = '{{pod}} {{instance}}';
export const byReplica = 'by (instance, pod)';

export const quantile = (q: number, metric: string, more = ''): string =>
  `histogram_quantile(${q}, sum by (le) (${rate(`${metric}_bucket`, more)}))`;

/** Three lines. */
export const quantiles = (metric: string, more = ''): [expr: string, legend: string][] =>
  [0.5, 0.95, 0.99].map((q) => [quantile(q, metric, more), `p${q * 100}`]);
