import { Injectable } from '@nestjs/common';
import { getOrCreateMetric } from '@willsoto/nestjs-prometheus';
import type { Counter, Gauge, Histogram } from 'prom-client';
import {
  AGENT_LIMITS,
  ERROR_TYPES,
  type ErrorType,
  type LimitName,
  LIMITS,
  REDIS_STATES,
  type RedisState,
  REGISTRY_OPERATIONS,
  type RegistryOperation,
  RUN_EVENTS,
  SCHEMA_STATES,
  STEP_ENDS,
  STEP_KINDS,
  TASK_OUTCOMES,
  type Wait,
  WAITS,
  WEBSOCKET_ENDS,
} from './metric-labels.js';

/** Label values that callers can invent are cut here; everything above counts as `other`. */
const MAX_AGENT_LABELS = 200;

/** From quick chains of calls to days of waiting. */
const RUN_SECONDS = [0.1, 0.5, 1, 5, 30, 120, 600, 3_600, 21_600, 86_400, 604_800];
/** From an answer at once to one after a week. */
const STEP_SECONDS = [0.01, 0.1, 0.5, 1, 5, 30, 120, 600, 3_600, 86_400, 604_800];
/** Up to an hour: agents may take long; 8 s and 10 s are the runbook's thresholds. */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 8, 10, 30, 60, 300, 3600];

/** Every metric of the server beside prom-client's process metrics. Labels are bounded and series exist from the start. */
@Injectable()
export class Metrics {
  /** Cluster-wide number, read from the shared database: aggregate with `max()`, not `sum()`. */
  readonly agentsTotal = gauge('a2a_agents_total', 'Registered agents (the same number on every replica).');
  readonly agentsEnabled = gauge('a2a_agents_enabled', 'Enabled agents (the same number on every replica).');
  readonly requestsCreated = counter('a2a_requests_created_total', 'Tasks started.');
  readonly requestsCompleted = counter('a2a_requests_completed_total', 'Tasks that ended, by outcome.', ['status']);
  readonly workflowRuns = counter('a2a_workflows_total', 'Runs of workflows, by what happened to them.', ['status']);
  readonly workflowRunDuration = histogram(
    'a2a_workflow_run_duration_seconds',
    'From the start of a run to its end.',
    RUN_SECONDS,
  );
  private readonly workflowStepDuration = histogram(
    'a2a_workflow_step_duration_seconds',
    'From the start of a task that asks an agent, a service, a person, an event or the clock to its end, by outcome.',
    STEP_SECONDS,
    ['kind', 'status'],
  );
  private readonly workflowRunsWaiting = gauge(
    'a2a_workflow_runs_waiting',
    'Runs that wait for a person, an event or a time; one may wait for several (the same number on every replica).',
    ['for'],
  );
  readonly runningJobs = gauge('a2a_running_jobs', 'Tasks this replica is working on.');
  readonly queueSize = gauge('a2a_queue_size', 'Tasks that wait for a replica with room (the same number everywhere).');
  readonly executors = gauge('a2a_executors', 'Replicas that work on tasks, as PostgreSQL knows them.');
  readonly takeovers = counter('a2a_task_takeovers_total', 'Tasks taken over from a replica that is gone.');
  readonly heartbeats = counter(
    'a2a_executor_heartbeats_total',
    'Heartbeats; `lost`: this replica was declared dead and dropped its tasks.',
    ['outcome'],
  );
  readonly draining = gauge('a2a_draining', '1 from the moment the replica is told to stop.');
  readonly errors = counter('a2a_errors_total', 'Requests that failed, by type.', ['error_type']);
  readonly responseSeconds = histogram(
    'a2a_response_time_seconds',
    'From a request to its full answer, by door.',
    SECONDS,
    ['door'],
  );
  /** Milliseconds for the runbook's dashboard. */
  readonly responseMilliseconds = histogram(
    'a2a_response_time',
    'From a request to its full answer, in milliseconds (all doors).',
    SECONDS.map((seconds) => seconds * 1_000),
  );
  readonly httpResponses = counter('a2a_http_responses_total', 'HTTP answers, by status class.', ['status_class']);
  readonly databaseConnections = gauge('a2a_database_connections', 'The connection pool: size, used, waiting.', [
    'state',
  ]);
  readonly databaseFailures = counter(
    'a2a_database_connect_failures_total',
    'Connections to PostgreSQL that could not be had, by reason.',
    ['reason'],
  );
  readonly auditSealed = counter('a2a_audit_sealed_total', 'Audit events that this replica appended to its chain.');
  readonly auditWaiting = gauge('a2a_audit_waiting', 'Audit events in memory that are not sealed yet.');
  readonly auditFailures = counter('a2a_audit_seal_failures_total', 'Times that sealing failed; it is tried again.');
  readonly auditLost = counter('a2a_audit_lost_total', 'Audit events that were only counted: too many at once.');
  readonly mcpStreams = gauge('a2a_mcp_streams', 'Open MCP streams (GET and subscriptions/listen).');
  readonly webSocketConnections = gauge('a2a_websocket_connections', 'Open WebSocket connections of this replica.');
  readonly webSocketStreams = gauge('a2a_websocket_streams', 'Tasks followed over them: streams and subscriptions.');
  readonly webSocketMessages = counter('a2a_websocket_messages_total', 'WebSocket messages, by direction.', [
    'direction',
  ]);
  readonly webSocketClosed = counter('a2a_websocket_closed_total', 'WebSocket connections that ended, by reason.', [
    'reason',
  ]);
  readonly rateLimitsAlone = counter(
    'a2a_rate_limit_local_decisions_total',
    'Decisions that this replica made alone because Redis was away.',
  );
  readonly traceSpans = counter('a2a_trace_spans_total', 'Spans that were sent to the collector, and that were lost.', [
    'outcome',
  ]);
  private readonly backupTime = gauge(
    'a2a_backup_last_success_timestamp_seconds',
    'When the last backup was in its place, as Unix time; 0: none is known (the same number on every replica).',
  );
  private readonly backupBytes = gauge(
    'a2a_backup_last_size_bytes',
    'How large the last backup is, compressed; 0: none is known (the same number on every replica).',
  );
  private readonly limitsMet = counter('a2a_rate_limit_exceeded_total', 'Refused as too often or too much, by limit.', [
    'limit',
    'agent_id',
  ]);
  private readonly invocations = counter('a2a_agent_invocations_total', 'Calls to agents, by slug.', ['agent_id']);
  private readonly taskSeconds = histogram(
    'a2a_task_seconds',
    'From the start of a task to its end, by outcome.',
    SECONDS,
    ['status'],
  );
  private readonly agentTasks = counter('a2a_agent_tasks_total', 'Tasks that ended, by agent and outcome.', [
    'agent_id',
    'status',
  ]);
  private readonly agentSeconds = counter(
    'a2a_agent_seconds_total',
    'Seconds from start to end of these tasks; divided by their number the mean time of an agent.',
    ['agent_id'],
  );
  private readonly schema = gauge('a2a_schema_state', 'How the schema stands to this version; 1 for what it is.', [
    'state',
  ]);
  private readonly redis = gauge('a2a_redis_state', 'Redis as this replica sees it; 1 for what it is.', ['state']);
  private readonly operations = counter('a2a_agent_operations_total', 'Changes of the registry.', ['operation']);
  private readonly buildInfo = gauge('a2a_build_info', 'Always 1; the version is in the labels.', ['version', 'node']);
  private readonly agentLabels = new Set<string>();

  constructor() {
    for (const status of RUN_EVENTS) this.workflowRuns.inc({ status }, 0);
    for (const kind of STEP_KINDS) for (const status of STEP_ENDS) this.workflowStepDuration.zero({ kind, status });
    for (const wait of WAITS) this.runsWait(wait, 0);
    for (const type of ERROR_TYPES) this.errors.inc({ error_type: type }, 0);
    for (const status of TASK_OUTCOMES) {
      this.requestsCompleted.inc({ status }, 0);
      this.taskSeconds.zero({ status });
    }
    for (const outcome of ['ok', 'failed', 'lost']) this.heartbeats.inc({ outcome }, 0);
    for (const reason of ['unreachable', 'exhausted']) this.databaseFailures.inc({ reason }, 0);
    this.schemaIs('current');
    this.redisIs('off');
    for (const operation of REGISTRY_OPERATIONS) this.operations.inc({ operation }, 0);
    this.beginAgent('other');
    for (const status_class of ['2xx', '3xx', '4xx', '5xx']) this.httpResponses.inc({ status_class }, 0);
    for (const door of ['mcp', 'rest', 'websocket']) this.responseSeconds.zero({ door });
    for (const state of ['size', 'used', 'waiting']) this.databaseConnections.set({ state }, 0);
    for (const direction of ['in', 'out']) this.webSocketMessages.inc({ direction }, 0);
    for (const outcome of ['exported', 'failed']) this.traceSpans.inc({ outcome }, 0);
    for (const reason of WEBSOCKET_ENDS) this.webSocketClosed.inc({ reason }, 0);
    for (const limit of LIMITS) this.limitsMet.inc({ limit, agent_id: '' }, 0);
    this.responseMilliseconds.zero({});
  }

  setVersion(version: string): void {
    this.buildInfo.set({ version, node: process.versions.node }, 1);
  }

  /** @param at Unix time in seconds */
  backedUp(at: number, bytes: number): void {
    this.backupTime.set(at);
    this.backupBytes.set(bytes);
  }

  /** @param seconds from the request's arrival to the last byte of its answer */
  responded(door: 'mcp' | 'rest' | 'websocket', seconds: number): void {
    this.responseSeconds.observe({ door }, seconds);
    this.responseMilliseconds.observe(seconds * 1_000);
  }

  invoked(slug: string): void {
    this.invocations.inc({ agent_id: this.labelOf(slug) });
  }

  /** @param seconds from its start to its end */
  taskEnded(slug: string, status: (typeof TASK_OUTCOMES)[number], seconds: number): void {
    const agent_id = this.labelOf(slug);
    this.requestsCompleted.inc({ status });
    this.taskSeconds.observe({ status }, seconds);
    this.agentTasks.inc({ agent_id, status });
    this.agentSeconds.inc({ agent_id }, Math.max(seconds, 0));
  }

  /** @param kind of a task of a workflow; those that are done at once are not counted */
  stepEnded(kind: string, status: string, seconds: number): void {
    const known = STEP_KINDS.find((one) => one === kind);
    const end = STEP_ENDS.find((one) => one === status);
    if (known !== undefined && end !== undefined)
      this.workflowStepDuration.observe({ kind: known, status: end }, Math.max(seconds, 0));
  }

  runsWait(what: Wait, runs: number): void {
    this.workflowRunsWaiting.set({ for: what }, runs);
  }

  schemaIs(state: (typeof SCHEMA_STATES)[number]): void {
    for (const one of SCHEMA_STATES) this.schema.set({ state: one }, one === state ? 1 : 0);
  }

  redisIs(state: RedisState): void {
    for (const one of REDIS_STATES) this.redis.set({ state: one }, one === state ? 1 : 0);
  }

  /** Agents that are gone make room for the labels of others. */
  agentsKnown(slugs: readonly string[]): void {
    const known = slugs.slice(0, MAX_AGENT_LABELS);
    for (const gone of [...this.agentLabels].filter((slug) => !known.includes(slug))) {
      this.agentLabels.delete(gone);
      this.forgetAgent(gone);
    }
    for (const slug of known.filter((name) => !this.agentLabels.has(name))) {
      this.agentLabels.add(slug);
      this.beginAgent(slug);
    }
  }

  registryChanged(operation: RegistryOperation): void {
    this.operations.inc({ operation });
  }

  /** @param slug of the agent that was to be called */
  limited(limit: LimitName, slug?: string): void {
    this.limitsMet.inc({ limit, agent_id: slug === undefined ? '' : this.labelOf(slug) });
  }

  failed(type: ErrorType): void {
    this.errors.inc({ error_type: type });
  }

  private labelOf(slug: string): string {
    return this.agentLabels.has(slug) ? slug : 'other';
  }

  private beginAgent(agent_id: string): void {
    this.invocations.inc({ agent_id }, 0);
    this.agentSeconds.inc({ agent_id }, 0);
    for (const limit of AGENT_LIMITS) this.limitsMet.inc({ limit, agent_id }, 0);
    for (const status of TASK_OUTCOMES) this.agentTasks.inc({ agent_id, status }, 0);
  }

  private forgetAgent(agent_id: string): void {
    this.invocations.remove({ agent_id });
    this.agentSeconds.remove({ agent_id });
    for (const limit of AGENT_LIMITS) this.limitsMet.remove({ limit, agent_id });
    for (const status of TASK_OUTCOMES) this.agentTasks.remove({ agent_id, status });
  }
}

function counter<L extends string = never>(name: string, help: string, labelNames: L[] = []): Counter<L> {
  return getOrCreateMetric('Counter', { name, help, labelNames }) as Counter<L>;
}

function gauge<L extends string = never>(name: string, help: string, labelNames: L[] = []): Gauge<L> {
  return getOrCreateMetric('Gauge', { name, help, labelNames }) as Gauge<L>;
}

function histogram<L extends string = never>(
  name: string,
  help: string,
  buckets: number[],
  labelNames: L[] = [],
): Histogram<L> {
  return getOrCreateMetric('Histogram', { name, help, buckets, labelNames }) as Histogram<L>;
}
