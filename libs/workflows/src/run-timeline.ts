import { ganttOf, graphOf } from '@app/dsl';
import type { StepEvent } from '@app/tasks';
import type { RunRow } from './run-reader.js';
import type { Timeline } from './runs.schemas.js';
import { nameIn } from './scope.js';

type Step = { readonly seq: number; readonly at: Date; readonly body: StepEvent };
type State = 'running' | 'waiting' | 'completed' | 'faulted' | 'cancelled' | 'skipped';

/** What the last event of a task makes of it. */
const STATE: Readonly<Record<string, State>> = {
  started: 'running',
  completed: 'completed',
  faulted: 'faulted',
  cancelled: 'cancelled',
  skipped: 'skipped',
  retried: 'running',
};

/** What is known of a run: its steps' events, and which tasks wait for people, time or events now. */
interface Happened {
  readonly steps: readonly Step[];
  readonly waiting: ReadonlySet<string>;
}

interface Execution {
  readonly task: string;
  readonly key: string;
  readonly startedAt: Date;
  state: State;
  endedAt?: Date;
}

/** What happened, and how long each execution of a task took. */
export function timelineOf(row: RunRow, { steps, waiting }: Happened): Timeline {
  const executions = executionsOf(row, { steps, waiting });
  const rows = executions.map(({ task, key, state, startedAt, endedAt }) => ({
    task,
    key,
    state,
    startedAt: startedAt.toISOString(),
    ...(endedAt !== undefined && {
      endedAt: endedAt.toISOString(),
      durationMs: endedAt.getTime() - startedAt.getTime(),
    }),
  }));
  const bars = executions
    .filter(({ state }) => state !== 'skipped')
    .map(({ task, state, startedAt, endedAt }) => ({
      pointer: task,
      name: nameIn(task),
      start: startedAt,
      end: endedAt,
      state,
    }));
  return {
    events: steps.map(({ seq, at, body: { type, task, frame, key, detail } }) => ({
      seq,
      at: at.toISOString(),
      type,
      task,
      frame,
      key,
      ...(detail !== undefined && { detail }),
    })),
    tasks: rows,
    gantt: ganttOf(bars as never),
  };
}

/** The workflow as a picture, each task as it was last. */
export function pictureOf(row: RunRow, happened: Happened): string {
  const states = new Map<string, State>();
  for (const { task, state } of executionsOf(row, happened)) states.set(task, state);
  return graphOf(row.definition, states);
}

function executionsOf(row: RunRow, { steps, waiting }: Happened): Execution[] {
  const found = new Map<string, Execution>();
  for (const { at, body } of steps) {
    const what = body.type.split('.').at(-2) ?? '';
    const state = body.type.includes('.compensation.') ? undefined : STATE[what];
    if (body.task === '' || state === undefined) continue;
    const id = `${body.task} ${body.key}`;
    const known = found.get(id);
    if (known === undefined)
      found.set(id, {
        task: body.task,
        key: body.key,
        startedAt: at,
        state,
        ...(what === 'skipped' && { endedAt: at }),
      });
    else {
      known.state = state;
      known.endedAt = state === 'running' ? undefined : at;
    }
  }
  // A run that is over has nothing under way, whatever was cut off.
  const isOver = row.finished_at !== null;
  for (const one of found.values())
    if (isOver && one.endedAt === undefined) Object.assign(one, { state: 'cancelled', endedAt: row.finished_at });
    else if (one.endedAt === undefined && waiting.has(one.task)) one.state = 'waiting';
  return [...found.values()];
}
