import type { DirectoryEntry } from '@app/agents';
import { type Trace, traceIn } from '@app/core';
import type { Span, SpanAttributes, Traces } from '@app/telemetry';
import type { TaskRow } from './task-row.js';
import type { TaskRun } from './task-run.js';

/** What this replica does for a task. Whoever takes it over goes on in the same trace: its parent is kept with the row. */
export const beginSpan = ({ recorder }: Traces, row: TaskRow): Span | undefined =>
  recorder?.begin({ name: 'task', kind: 'internal', parent: traceOf(row), attributes: attributesOf(row) });

export function endSpan(span: Span, { row, view, isOver }: TaskRun): void {
  span.set({ 'a2a.task.state': view.state, 'a2a.task.released': isOver || undefined });
  span.end(isOver || view.state !== 'failed' ? undefined : (row.error?.code ?? 'agent'));
}

/** What is asked of an agent for a task belongs to its trace. */
export function traced(
  agent: DirectoryEntry | undefined,
  row: TaskRow,
  trace = traceOf(row),
): DirectoryEntry | undefined {
  if (agent === undefined || trace === undefined) return agent;
  return { ...agent, connection: { ...agent.connection, trace, spanAttributes: attributesOf(row) } };
}

const traceOf = ({ trace, trace_state }: TaskRow): Trace | undefined => traceIn(trace, trace_state);

const attributesOf = (row: TaskRow): SpanAttributes => ({
  'a2a.task.id': row.id,
  'a2a.task.attempt': row.attempts,
  'a2a.agent': row.agent,
  'a2a.skill': row.skill ?? undefined,
});
