import type { LedgerMessage } from '../../../apps/demo-agent/src/ledger.js';
import type { Cluster } from './cluster.js';
import { grouped } from './oracle.js';
import type { StartedRun } from './workflow-clients.js';

interface Evidence {
  readonly cluster: Cluster;
  readonly runs: readonly StartedRun[];
  /** What agents heard. */
  readonly messages: readonly LedgerMessage[];
  readonly runOf: (messageId: string) => string | undefined;
}

interface Step {
  readonly run: string;
  readonly type: string;
  readonly key: string;
  readonly task: string;
}

const TASK = 'io.serverlessworkflow.task.';
const UNDO = 'undo ';

/** What was done last is undone first, all of it and nothing else: so it is recorded, and so the agent heard it. */
export async function judgeUndoing({ cluster, runs, messages, runOf }: Evidence): Promise<string[]> {
  const undoable = new Set(runs.flatMap(({ plan }) => plan.definitions.flatMap(({ do: tasks }) => undoableIn(tasks))));
  const states = await cluster.rows(
    `select t.id, t.state, w.name from tasks t join workflow_runs r on r.run_id = t.id join workflows w on w.id = r.workflow_id`,
  );
  const steps = (await cluster.rows(
    `select task_id as run, body ->> 'type' as type, body ->> 'key' as key, body ->> 'task' as task from task_events
     where kind = 'step' and body ->> 'type' in ('${TASK}completed.v1', '${TASK}compensation.started.v1') order by task_id, seq`,
  )) as unknown as Step[];
  const stepsOf = grouped(steps, ({ run }) => run);
  const heardOf = grouped(firstOnes(messages), ({ messageId }) => runOf(messageId));
  return states.flatMap(({ id, state, name }) => {
    const own = stepsOf.get(String(id)) ?? [];
    const token = String(name).replace(/-t\d+$/, '');
    const isUndoable = ({ task }: Step) => undoable.has(`${token}-${nameOf(task)}.`);
    const done = own.filter((step) => step.type === `${TASK}completed.v1` && isUndoable(step));
    const undone = own.filter(({ type }) => type === `${TASK}compensation.started.v1`);
    const expected = state === 'completed' ? [] : done.toReversed();
    const heard = (heardOf.get(String(id)) ?? []).map(({ text }) => /-(t\d+)\./.exec(text)?.[1]);
    return [
      ...differ(`${String(name)} (run ${String(id)}, ${String(state)})`, keysOf(expected), keysOf(undone)),
      ...differ(
        `the agent's ledger of ${String(name)} (run ${String(id)})`,
        expected.map(({ task }) => nameOf(task)),
        heard,
      ),
    ];
  });
}

/** What tasks say that are undone. */
function undoableIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const undo = (value as { metadata?: { compensate?: unknown } }).metadata?.compensate;
  const own = undo === undefined ? [] : (/undo ([\w-]+\.)/.exec(JSON.stringify(undo)) ?? []).slice(1);
  return [...own, ...Object.values(value).flatMap(undoableIn)];
}

/** When each compensation was said for the first time, in order. */
function firstOnes(messages: readonly LedgerMessage[]): LedgerMessage[] {
  const seen = new Set<string>();
  return messages
    .filter(({ text }) => text.startsWith(UNDO))
    .filter(({ messageId }) => !seen.has(messageId) && seen.add(messageId));
}

function differ(what: string, expected: readonly unknown[], found: readonly unknown[]): string[] {
  const [a, b] = [expected, found].map((list) => JSON.stringify(list));
  return a === b ? [] : [`undone in another order, ${what}: expected ${a}, found ${b}`];
}

const keysOf = (steps: readonly Step[]): string[] => steps.map(({ key }) => key);
const nameOf = (pointer: string): string => pointer.split('/').at(-1) ?? '';
