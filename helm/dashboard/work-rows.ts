import { quantile, quantiles, type Row } from './expressions.js';
import { chart, figure, of, rate } from './panels.js';

const overview: Row = {
  title: 'Overview',
  panels: [
    figure({
      title: 'Replicas',
      description: 'That are scraped.',
      unit: 'short',
      lines: [[`count(${of('a2a_build_info')})`, 'replicas']],
      anchor: 'complete-outage-sev1',
    }),
    figure({
      title: 'Answers',
      description: 'HTTP answers a second, without WebSocket messages.',
      unit: 'reqps',
      lines: [[`sum(${rate('a2a_http_responses_total')})`, 'answers']],
    }),
    figure({
      title: '5xx',
      description: 'Share of the answers; above 2 % "High Error Rate" fires.',
      unit: 'percentunit',
      lines: [
        [
          `sum(${rate('a2a_http_responses_total', 'status_class="5xx"')}) / sum(${rate('a2a_http_responses_total')})`,
          '5xx',
        ],
      ],
      anchor: 'issue-high-error-rate',
    }),
    figure({
      title: 'p95',
      description: 'Of all doors; above 8 s "Slow Responses" fires.',
      unit: 's',
      lines: [[quantile(0.95, 'a2a_response_time_seconds'), 'p95']],
    }),
    figure({
      title: 'Enabled agents',
      description: 'Enabled, of all that are registered.',
      unit: 'short',
      lines: [
        [`max(${of('a2a_agents_enabled')})`, 'enabled'],
        [`max(${of('a2a_agents_total')})`, 'registered'],
      ],
    }),
    figure({
      title: 'Versions',
      description: 'Two while a roll-out is under way.',
      unit: 'short',
      lines: [[`count by (version) (${of('a2a_build_info')})`, '{{version}}']],
      anchor: '2-deployment-operations',
    }),
  ],
};

const traffic: Row = {
  title: 'Traffic and errors',
  panels: [
    chart({
      title: 'Requests by door',
      description: 'Answers a second. A WebSocket message is one.',
      unit: 'reqps',
      lines: [[`sum by (door) (${rate('a2a_response_time_seconds_count')})`, '{{door}}']],
    }),
    chart({
      title: 'Response time',
      description: 'From a request to its full answer; a call that waits for an agent takes as long as the agent.',
      unit: 's',
      lines: quantiles('a2a_response_time_seconds'),
      anchor: '1-scaling-operations',
    }),
    chart({
      title: 'Response time, p95 by door',
      description: 'Which door is slow.',
      unit: 's',
      lines: [
        [`histogram_quantile(0.95, sum by (le, door) (${rate('a2a_response_time_seconds_bucket')}))`, '{{door}}'],
      ],
    }),
    chart({
      title: 'HTTP answers by status',
      description: '4xx are the callers’, 5xx ours.',
      unit: 'reqps',
      lines: [[`sum by (status_class) (${rate('a2a_http_responses_total')})`, '{{status_class}}']],
      anchor: 'issue-high-error-rate',
      width: 12,
    }),
    chart({
      title: 'Errors by type',
      description: '`internal` is ours to fix, `agent` and `timeout` the agents’, the rest the callers’.',
      unit: 'reqps',
      lines: [[`sum by (error_type) (${rate('a2a_errors_total')})`, '{{error_type}}']],
      anchor: 'issue-high-error-rate',
      width: 12,
    }),
  ],
};

const agents: Row = {
  title: 'Agents',
  panels: [
    chart({
      title: 'Calls by agent',
      description: 'The ten that are called most.',
      unit: 'reqps',
      lines: [[`topk(10, sum by (agent_id) (${rate('a2a_agent_invocations_total')}))`, '{{agent_id}}']],
    }),
    chart({
      title: 'Failed tasks by agent',
      description: 'A second; the ten with most.',
      unit: 'reqps',
      lines: [[`topk(10, sum by (agent_id) (${rate('a2a_agent_tasks_total', 'status="error"')}))`, '{{agent_id}}']],
      anchor: 'issue-an-agent-misbehaves',
    }),
    chart({
      title: 'Mean time by agent',
      description: 'From the start of a task to its end; the ten slowest.',
      unit: 's',
      lines: [
        [
          `topk(10, sum by (agent_id) (${rate('a2a_agent_seconds_total')}) / sum by (agent_id) (${rate('a2a_agent_tasks_total')}) > 0)`,
          '{{agent_id}}',
        ],
      ],
      anchor: 'issue-an-agent-misbehaves',
    }),
  ],
};

const tasks: Row = {
  title: 'Tasks and takeovers',
  panels: [
    chart({
      title: 'Tasks',
      description: 'Begun, and ended by outcome, a second.',
      unit: 'reqps',
      lines: [
        [`sum(${rate('a2a_requests_created_total')})`, 'begun'],
        [`sum by (status) (${rate('a2a_requests_completed_total')})`, '{{status}}'],
      ],
      width: 6,
    }),
    chart({
      title: 'Running and waiting',
      description: 'Tasks that wait find no replica with room (MAX_CONCURRENCY).',
      unit: 'short',
      lines: [
        [`sum(${of('a2a_running_jobs')})`, 'running'],
        [`max(${of('a2a_queue_size')})`, 'waiting'],
      ],
      width: 6,
    }),
    chart({
      title: 'Time of a task',
      description: 'Of those that were done.',
      unit: 's',
      lines: quantiles('a2a_task_seconds', 'status="done"'),
      width: 6,
    }),
    chart({
      title: 'Executors, takeovers, heartbeats',
      description: 'Takeovers without a roll-out mean that replicas die; `lost` that one was thought dead and was not.',
      unit: 'short',
      lines: [
        [`max(${of('a2a_executors')})`, 'executors'],
        [`sum(increase(${of('a2a_task_takeovers_total')}[$__rate_interval]))`, 'takeovers'],
        [
          `sum by (outcome) (increase(${of('a2a_executor_heartbeats_total', 'outcome=~"failed|lost"')}[$__rate_interval]))`,
          'heartbeats {{outcome}}',
        ],
        [`sum(${of('a2a_draining')})`, 'draining'],
      ],
      width: 6,
    }),
  ],
};

const workflows: Row = {
  title: 'Workflows',
  panels: [
    chart({
      title: 'Runs',
      description: 'That began and ended, a second.',
      unit: 'cps',
      lines: [[`sum by (status) (${rate('a2a_workflows_total')})`, '{{status}}']],
      width: 12,
    }),
    chart({
      title: 'Time of a run',
      description: 'With all that it waited for.',
      unit: 's',
      lines: quantiles('a2a_workflow_run_duration_seconds'),
      width: 12,
    }),
    chart({
      title: 'Waiting runs',
      description: 'They hold nothing. Questions that nobody answers show as a line that only rises.',
      unit: 'short',
      lines: [[`max by (for) (${of('a2a_workflow_runs_waiting')})`, '{{for}}']],
      width: 12,
    }),
    chart({
      title: 'Time of a step (p95)',
      description: 'Of those that completed, by what they ask.',
      unit: 's',
      lines: [
        [
          `histogram_quantile(0.95, sum by (le, kind) (${rate('a2a_workflow_step_duration_seconds_bucket', 'status="completed"')}))`,
          '{{kind}}',
        ],
      ],
      width: 12,
    }),
  ],
};

/** What the server does for its callers. */
export const WORK_ROWS = [overview, traffic, agents, tasks, workflows];
