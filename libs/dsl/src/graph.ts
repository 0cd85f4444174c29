import type { Definition, Task, TaskList, TryTask } from './definition.js';
import { Drawing } from './drawing.js';
import type { TaskState } from './mermaid-text.js';
import { type TaskKind, taskKindOf } from './task-kind.js';
import { namedItem, type NamedTask } from './walk.js';

/** Where the drawing of a task or list is entered, and where it is left for what. */
interface Drawn {
  readonly enter: string;
  readonly leaves: readonly Leaf[];
}
interface Leaf {
  readonly from: string;
  /** `continue`, `exit`, `end`, or a task of the same list. */
  readonly then: string;
  readonly text?: string;
}
type Draw<T extends Task = Task> = (task: T, item: NamedTask, drawing: Drawing) => Drawn;

/**
 * A Mermaid flowchart of a definition; with `states`, by the pointers of tasks, coloured by the state of each.
 * (Mermaid itself shows at most 500 edges and 50,000 characters unless it is told to show more.)
 */
export function graphOf(definition: Definition, states: ReadonlyMap<string, TaskState> = new Map()): string {
  const drawing = new Drawing(states);
  const start = drawing.node('', { shape: 'circle' });
  const { enter, leaves } = drawList(definition.do, '/do', drawing);
  drawing.edge(start, enter);
  for (const { from, text } of leaves) drawing.edge(from, drawing.finish(), text);
  return drawing.text();
}

/** What leaves a list leaves it for whatever follows the list. */
function drawList(tasks: TaskList, pointer: string, drawing: Drawing): Drawn {
  const items = tasks.flatMap((_, index) => namedItem(tasks, index, pointer) ?? []);
  const drawn = items.map((item) => drawTask(item, drawing));
  const leaves: Leaf[] = [];
  for (const [index, { leaves: own }] of drawn.entries())
    for (const leaf of own) {
      const named = drawn[items.findIndex(({ name }) => name === leaf.then)];
      const next = leaf.then === 'continue' ? drawn[index + 1] : named;
      if (leaf.then === 'end') drawing.edge(leaf.from, drawing.finish(), leaf.text);
      else if (next) drawing.edge(leaf.from, next.enter, leaf.text);
      else leaves.push(leaf);
    }
  return { enter: drawn[0]?.enter ?? drawing.node('', { shape: 'circle' }), leaves };
}

function drawTask(item: NamedTask, drawing: Drawing): Drawn {
  const kind = taskKindOf(item.task);
  const drawn = (DRAW[kind] as Draw)(item.task, item, drawing);
  const { compensate } = item.task.metadata ?? {};
  if (compensate) {
    drawing.open(`compensates ${item.name}`);
    const { enter } = drawList(compensate, `${item.pointer}/metadata/compensate`, drawing);
    drawing.close();
    drawing.dotted(drawn.enter, enter, 'compensate');
  }
  return drawn;
}

const afterwards = ({ task }: NamedTask): string => task.then ?? 'continue';

/** Lists inside of a task are left for what follows the task. */
const leaving = (item: NamedTask, ...lists: readonly Drawn[]): Leaf[] =>
  lists.flatMap(({ leaves }) => leaves.map((leaf) => ({ ...leaf, then: afterwards(item) })));

const simple =
  (shape: Parameters<Drawing['node']>[1]['shape'], detail: (task: Task) => string): Draw =>
  (task, item, drawing) => {
    const from = drawing.node(item.name, { shape, detail: detail(task), pointer: item.pointer });
    return { enter: from, leaves: [{ from, then: afterwards(item) }] };
  };

/** Goes nowhere by itself, unless its condition skips it. */
const drawRaise: Draw = (task, item, drawing) => {
  const { enter, leaves } = simple('flag', () => 'raise')(task, item, drawing);
  return { enter, leaves: task.if === undefined ? [] : leaves.map((leaf) => ({ ...leaf, text: 'skipped' })) };
};

const drawDo: Draw<Extract<Task, { do: TaskList }>> = ({ do: tasks }, item, drawing) => {
  drawing.open(item.name, item.pointer);
  const list = drawList(tasks, `${item.pointer}/do`, drawing);
  drawing.close();
  return { enter: list.enter, leaves: leaving(item, list) };
};

const drawFor: Draw<Extract<Task, { for: unknown }>> = (task, item, drawing) => {
  drawing.open(item.name, item.pointer);
  const head = drawing.node(`for each ${task.for.each ?? 'item'}`, { shape: 'hexagon' });
  const list = drawList(task.do, `${item.pointer}/do`, drawing);
  drawing.edge(head, list.enter, 'next');
  for (const { from, text } of list.leaves) drawing.edge(from, head, text);
  drawing.close();
  return { enter: head, leaves: [{ from: head, then: afterwards(item), text: 'done' }] };
};

const drawFork: Draw<Extract<Task, { fork: unknown }>> = ({ fork: { branches, compete } }, item, drawing) => {
  drawing.open(item.name, item.pointer);
  const split = drawing.node('fork', { shape: 'hexagon' });
  const join = drawing.node(compete ? 'first' : 'all', { shape: 'hexagon' });
  for (const index of branches.keys()) {
    const branch = namedItem(branches, index, `${item.pointer}/fork/branches`);
    if (!branch) continue;
    const { enter, leaves } = drawTask(branch, drawing);
    drawing.edge(split, enter);
    for (const { from, then, text } of leaves) drawing.edge(from, then === 'end' ? drawing.finish() : join, text);
  }
  drawing.close();
  return { enter: split, leaves: [{ from: join, then: afterwards(item) }] };
};

const drawSwitch: Draw<Extract<Task, { switch: unknown }>> = (task, item, drawing) => {
  const from = drawing.node(item.name, { shape: 'diamond', pointer: item.pointer });
  const cases = task.switch.flatMap((one) => Object.entries(one));
  const leaves = cases.map(([text, { then }]) => ({ from, then, text }));
  const otherwise = { from, then: afterwards(item), text: 'otherwise' };
  return { enter: from, leaves: cases.some(([, { when }]) => when === undefined) ? leaves : [...leaves, otherwise] };
};

const drawTry: Draw<TryTask> = (task, item, drawing) => {
  drawing.open(item.name, item.pointer);
  const guarded = drawing.open('try');
  const list = drawList(task.try, `${item.pointer}/try`, drawing);
  drawing.close();
  const caught = drawing.node('catch', { shape: 'hexagon' });
  drawing.dotted(guarded, caught, 'error');
  if (task.catch.retry !== undefined) drawing.dotted(caught, list.enter, 'retry');
  const mending: Drawn = task.catch.do
    ? drawList(task.catch.do, `${item.pointer}/catch/do`, drawing)
    : { enter: caught, leaves: [{ from: caught, then: 'continue' }] };
  if (mending.enter !== caught) drawing.edge(caught, mending.enter);
  drawing.close();
  return { enter: list.enter, leaves: leaving(item, list, mending) };
};

const DRAW = {
  call: simple('box', (task) => ('call' in task ? `call ${task.call}` : '')),
  do: drawDo,
  emit: simple('box', () => 'emit'),
  for: drawFor,
  fork: drawFork,
  listen: simple('round', () => 'listen'),
  raise: drawRaise,
  run: simple('double', (task) => ('run' in task ? `run ${task.run.workflow.name}` : '')),
  set: simple('box', () => 'set'),
  switch: drawSwitch,
  try: drawTry,
  wait: simple('round', () => 'wait'),
} satisfies Record<TaskKind, unknown>;
