import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import {
  type DashboardBuilder,
  DashboardLinkBuilder,
  DashboardLinkType,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

/** What a dashboard takes as a panel. */
export type Panel = Parameters<DashboardBuilder['withPanel']>[0];

export const DATASOURCE = { type: 'prometheus', uid: '${datasource}' };
/** Where the runbook is: the chart puts the address in, as it does in the alerts. */
export const RUNBOOK = 'RUNBOOK';

/** Selects what the variables say; with "All" also series that lack such a label, as outside of Kubernetes. */
export const CHOSEN = 'namespace=~"$namespace", job=~"$job", pod=~"$pod"';
/** Of the cluster: it has its own jobs. */
export const IN_NAMESPACE = 'namespace=~"$namespace"';

/** A selector of our own series. */
export const of = (metric: string, more = ''): string => `${metric}{${[CHOSEN, more].filter(Boolean).join(', ')}}`;
export const rate = (metric: string, more = ''): string => `rate(${of(metric, more)}[$__rate_interval])`;

export interface PanelOptions {
  readonly title: string;
  /** What to make of it. */
  readonly description: string;
  /** Of Grafana: `s`, `bytes`, `percentunit`, `short`, `reqps`. */
  readonly unit: string;
  /** Expression and legend. */
  readonly lines: readonly (readonly [expr: string, legend: string])[];
  /** In the runbook. */
  readonly anchor?: string;
  /** Of 24. */
  readonly width?: number;
}

const queries = ({ lines }: PanelOptions) =>
  lines.map(([expr, legend], i) =>
    new DataqueryBuilder()
      .expr(expr)
      .legendFormat(legend)
      .refId(String.fromCharCode(65 + i))
      .datasource(DATASOURCE),
  );

const linksOf = ({ anchor }: PanelOptions) =>
  anchor === undefined
    ? []
    : [new DashboardLinkBuilder('Runbook').type(DashboardLinkType.Link).url(`${RUNBOOK}#${anchor}`).targetBlank(true)];

/** Lines over time. */
export function chart(options: PanelOptions): Panel {
  return new TimeseriesBuilder()
    .title(options.title)
    .description(options.description)
    .unit(options.unit)
    .min(0)
    .datasource(DATASOURCE)
    .height(8)
    .span(options.width ?? 8)
    .fillOpacity(5)
    .links(linksOf(options))
    .targets(queries(options));
}

/** One number. */
export function figure(options: PanelOptions): Panel {
  return new StatBuilder()
    .title(options.title)
    .description(options.description)
    .unit(options.unit)
    .datasource(DATASOURCE)
    .height(4)
    .span(options.width ?? 4)
    .links(linksOf(options))
    .targets(queries(options));
}
