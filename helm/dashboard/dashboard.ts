import {
  AnnotationQueryBuilder,
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { DATASOURCE, of, RUNBOOK } from './panels.js';
import { ROWS } from './rows.js';

/** Versions that were not there five minutes before. */
const NEW_VERSIONS = `count by (version) (${of('a2a_build_info')}) unless count by (version) (${of('a2a_build_info')} offset 5m)`;

/** The builder does not know what Prometheus's annotations are titled by. */
const versionChanges = {
  build: () => ({
    ...new AnnotationQueryBuilder()
      .name('Version changes')
      .datasource(DATASOURCE)
      .enable(true)
      .iconColor('blue')
      .target(new DataqueryBuilder().expr(NEW_VERSIONS).legendFormat('{{version}}').refId('A'))
      .build(),
    titleFormat: 'Version {{version}}',
  }),
};

/** The dashboard of `helm/a2a-mcp/files/dashboard.json`; `npm run docs` writes it. */
export function dashboard(): Dashboard {
  const builder = new DashboardBuilder('A2A MCP Server')
    .uid('a2a-mcp')
    .description('In the order of the runbook: what each of its chapters looks at.')
    .tags(['a2a-mcp'])
    .timezone('browser')
    .refresh('30s')
    .time({ from: 'now-3h', to: 'now' })
    .tooltip(DashboardCursorSync.Crosshair)
    .link(
      new DashboardLinkBuilder('Runbook')
        .type(DashboardLinkType.Link)
        .url(`${RUNBOOK}#troubleshooting`)
        .targetBlank(true),
    )
    .withVariable(new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'))
    .withVariable(choice('namespace', 'label_values(a2a_build_info, namespace)'))
    .withVariable(choice('job', 'label_values(a2a_build_info{namespace=~"$namespace"}, job)'))
    .withVariable(choice('pod', 'label_values(a2a_build_info{namespace=~"$namespace", job=~"$job"}, pod)'))
    .annotation(versionChanges);
  for (const { title, panels } of ROWS) {
    builder.withRow(new RowBuilder(title));
    for (const panel of panels) builder.withPanel(panel);
  }
  return builder.build();
}

/** "All" takes in series without such a label too. */
const choice = (name: string, query: string) =>
  new QueryVariableBuilder(name)
    .label(name)
    .datasource(DATASOURCE)
    .query(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .current({ selected: true, text: ['All'], value: ['$__all'] })
    .allValue('.*');
