import { byReplica, replica, type Row } from './expressions.js';
import { chart, IN_NAMESPACE, of, rate } from './panels.js';

const doors: Row = {
  title: 'WebSocket and MCP streams',
  panels: [
    chart({
      title: 'Open',
      description: 'The HPA may scale at 80 connections a pod.',
      unit: 'short',
      lines: [
        [`sum ${byReplica} (${of('a2a_websocket_connections')})`, `connections ${replica}`],
        [`sum(${of('a2a_websocket_streams')})`, 'streams over them'],
        [`sum(${of('a2a_mcp_streams')})`, 'MCP streams'],
      ],
      anchor: 'issue-websocket-disconnections',
    }),
    chart({
      title: 'WebSocket messages',
      description: 'A second, by direction.',
      unit: 'short',
      lines: [[`sum by (direction) (${rate('a2a_websocket_messages_total')})`, '{{direction}}']],
    }),
    chart({
      title: 'Connections that ended, a minute',
      description: '`lost`, `slow` and `internal` are disconnections; `restart` is a replica that drained.',
      unit: 'short',
      lines: [[`60 * sum by (reason) (${rate('a2a_websocket_closed_total')})`, '{{reason}}']],
      anchor: 'issue-websocket-disconnections',
    }),
  ],
};

const limits: Row = {
  title: 'Rate limits',
  panels: [
    chart({
      title: 'Refused, a minute, by limit',
      description: 'Above 100 "High Rate Limit Hits" fires.',
      unit: 'short',
      lines: [[`60 * sum by (limit) (${rate('a2a_rate_limit_exceeded_total')})`, '{{limit}}']],
      anchor: 'issue-rate-limiting-triggered',
      width: 12,
    }),
    chart({
      title: 'Refused calls, a minute, by agent',
      description: 'The ten with most.',
      unit: 'short',
      lines: [
        [`topk(10, 60 * sum by (agent_id) (${rate('a2a_rate_limit_exceeded_total', 'agent_id!=""')}))`, '{{agent_id}}'],
      ],
      anchor: 'issue-rate-limiting-triggered',
      width: 12,
    }),
  ],
};

const stores: Row = {
  title: 'Database and Redis',
  panels: [
    chart({
      title: 'Database connections',
      description: 'Of all replicas. Waiting callers mean a pool that is too small, or a slow database.',
      unit: 'short',
      lines: [[`sum by (state) (${of('a2a_database_connections')})`, '{{state}}']],
      anchor: 'issue-database-connection-failures',
    }),
    chart({
      title: 'Connections that could not be had',
      description: 'A second, by reason.',
      unit: 'short',
      lines: [[`sum by (reason) (${rate('a2a_database_connect_failures_total')})`, '{{reason}}']],
      anchor: 'issue-database-connection-failures',
    }),
    chart({
      title: 'Redis and schema',
      description: 'Replicas by how they see Redis and the schema. Without Redis rate limits count alone.',
      unit: 'short',
      lines: [
        [`sum by (state) (${of('a2a_redis_state')})`, 'Redis {{state}}'],
        [`sum by (state) (${of('a2a_schema_state')})`, 'schema {{state}}'],
        [`sum(${rate('a2a_rate_limit_local_decisions_total')})`, 'limits decided alone, a second'],
      ],
      anchor: '5-cache-operations',
    }),
  ],
};

const processes: Row = {
  title: 'Memory, CPU, event loop',
  panels: [
    chart({
      title: 'Memory',
      description: 'Resident, and the heap in it.',
      unit: 'bytes',
      lines: [
        [`sum ${byReplica} (${of('process_resident_memory_bytes')})`, `resident ${replica}`],
        [`sum ${byReplica} (${of('nodejs_heap_size_used_bytes')})`, `heap ${replica}`],
      ],
      anchor: 'issue-high-memory-usage',
      width: 6,
    }),
    chart({
      title: 'Memory of the limit, restarts',
      description: 'Of the container; above 90 % "High Memory Usage" fires.',
      unit: 'percentunit',
      lines: [
        [
          `max by (pod) (container_memory_working_set_bytes{container="a2a-mcp", ${IN_NAMESPACE}}) / max by (pod) (kube_pod_container_resource_limits{container="a2a-mcp", resource="memory", ${IN_NAMESPACE}})`,
          '{{pod}}',
        ],
        [
          `sum(increase(kube_pod_container_status_restarts_total{container="a2a-mcp", ${IN_NAMESPACE}}[10m]))`,
          'restarts in 10 min',
        ],
      ],
      anchor: 'issue-high-memory-usage',
      width: 6,
    }),
    chart({
      title: 'CPU',
      description: 'Cores.',
      unit: 'short',
      lines: [[`sum ${byReplica} (${rate('process_cpu_seconds_total')})`, replica]],
      anchor: '1-scaling-operations',
      width: 6,
    }),
    chart({
      title: 'Event loop delay, p99',
      description: 'Above 0.1 s a replica has more to do than one core can.',
      unit: 's',
      lines: [[`max ${byReplica} (${of('nodejs_eventloop_lag_p99_seconds')})`, replica]],
      anchor: 'nodejs-optimization',
      width: 6,
    }),
  ],
};

const records: Row = {
  title: 'Audit, backups, traces',
  panels: [
    chart({
      title: 'Audit',
      description: 'Lost events were counted and not kept: too many came while the database was away.',
      unit: 'short',
      lines: [
        [`sum(${rate('a2a_audit_sealed_total')})`, 'sealed a second'],
        [`sum(${of('a2a_audit_waiting')})`, 'waiting'],
        [`sum(increase(${of('a2a_audit_seal_failures_total')}[$__rate_interval]))`, 'failed attempts'],
        [`sum(increase(${of('a2a_audit_lost_total')}[$__rate_interval]))`, 'lost'],
      ],
    }),
    chart({
      title: 'Age of the last backup',
      description: 'Above 36 hours "Backup Missing" fires.',
      unit: 's',
      lines: [
        [
          `time() - max((${of('a2a_backup_last_success_timestamp_seconds')} > 0) or kube_cronjob_status_last_successful_time{cronjob="a2a-mcp-backup", ${IN_NAMESPACE}})`,
          'age',
        ],
      ],
      anchor: 'backup-database',
    }),
    chart({
      title: 'Spans',
      description: 'Sent to the collector, and lost, a second.',
      unit: 'short',
      lines: [[`sum by (outcome) (${rate('a2a_trace_spans_total')})`, '{{outcome}}']],
    }),
  ],
};

/** What it stands on. */
export const PLATFORM_ROWS = [doors, limits, stores, processes, records];
