import { readDefinition } from '@app/dsl';
import { dueAt, dueOutcomes } from './deadlines.js';
import { branchesOf, outcomeOfFork } from './forking.js';
import { type Frame, type Leaf, type Problem, ROOT, type Undo } from './frame.js';
import type { Outcome } from './plan.js';
import { advance } from './planner.js';
import { firstFrame } from './run-starter.js';
import type { Evaluator, World } from './scope.js';

const STARTED = Date.parse('2030-01-01T00:00:00.000Z');

/** What the outside of a simulated run says to a leaf; undefined: nothing, ever. */
export type Outside = (leaf: Leaf, asked: number) => Outcome | undefined;

export interface Simulated {
  readonly output?: unknown;
  readonly problem?: Problem;
  readonly context: unknown;
  readonly undo: readonly Undo[];
  /** `started /do/0/a`, in their order. */
  readonly told: readonly string[];
  readonly events: readonly { readonly what: string; readonly task: string; readonly key: string }[];
  /** What was asked of the outside, with how long the run had taken by then, in milliseconds. */
  readonly asked: readonly { readonly leaf: Leaf; readonly at: number }[];
  readonly tookMs: number;
}

export interface Simulation {
  readonly tasks: unknown;
  readonly more?: object;
  readonly input?: unknown;
  readonly outside?: Outside;
  readonly random?: number;
  readonly secrets?: Readonly<Record<string, unknown>>;
  /** Looks at each frame as it is stored. */
  readonly stored?: (frame: Frame) => Frame;
}

/** Runs a definition with the planner alone: time passes when nothing else happens. */
export async function simulated(expressions: Evaluator, simulation: Simulation): Promise<Simulated> {
  const { tasks, more, input = {} } = simulation;
  const document = { dsl: '1.0.3', namespace: 'tests', name: 'one', version: '1.0.0' };
  const { definition, problems } = readDefinition({ document, ...more, do: tasks });
  if (definition === undefined) throw new Error(JSON.stringify(problems));
  const begun = { ...firstFrame(definition, input) };
  const [root] = begun.stack;
  const shift = root?.deadline === undefined ? undefined : Date.parse(root.deadline) - Date.parse(root.startedAt);
  const startedAt = new Date(STARTED).toISOString();
  const deadline = shift === undefined ? undefined : new Date(STARTED + shift).toISOString();
  const stack = begun.stack.map((level) => ({ ...level, startedAt, ...(deadline !== undefined && { deadline }) }));
  return new SimulatedRun(expressions, simulation, definition).run({ ...begun, stack });
}

class SimulatedRun {
  private now = STARTED;
  private context: unknown = null;
  private readonly frames = new Map<string, Frame>();
  private readonly undo: Undo[] = [];
  private readonly events: { what: string; task: string; key: string }[] = [];
  private readonly asked: { leaf: Leaf; at: number }[] = [];
  private isOver = false;

  constructor(
    private readonly expressions: Evaluator,
    private readonly simulation: Simulation,
    private readonly definition: World['definition'],
  ) {}

  async run(first: Frame): Promise<Simulated> {
    this.keep(first);
    await this.take(ROOT, { kind: 'begin' });
    for (let turns = 0; !this.isOver; turns++) {
      const due = dueAt(this.frames.values());
      if (due === undefined || turns > 10_000) throw new Error('The run waits for ever');
      this.now = Math.max(this.now, due.getTime());
      for (const { frame, outcome } of dueOutcomes(this.frames.values(), new Date(this.now)))
        await this.take(frame, outcome);
    }
    const { end } = this.frames.get(ROOT) ?? {};
    const { context, undo, events, asked } = this;
    const told = events.map(({ what, task }) => `${what} ${task}`);
    return { ...end, context, undo, events, told, asked, tookMs: this.now - STARTED };
  }

  private async take(id: string, outcome: Outcome): Promise<void> {
    const before = this.frames.get(id);
    if (before === undefined || before.end !== undefined || this.isOver) return;
    const plan = await advance(this.world, before, outcome);
    this.keep(plan.frame);
    for (const { type, task, key } of plan.events) this.note(type.split('.').at(-2) ?? '', task, key);
    if (plan.context !== undefined) this.context = plan.context.value;
    this.undo.push(...plan.undo);
    if (before.leaf?.key !== plan.frame.leaf?.key && before.leaf?.effect.kind === 'fork')
      for (const branch of before.leaf.effect.branches) this.drop(branch);
    const { end, leaf, parent } = plan.frame;
    if (plan.ends) return this.endAll(end);
    if (end !== undefined) return id === ROOT ? this.endAll(end) : this.join(parent ?? ROOT);
    if (leaf === undefined) return this.take(id, { kind: 'begin' });
    if (leaf.key !== before.leaf?.key) await this.ask(plan.frame, leaf);
  }

  private async ask(frame: Frame, leaf: Leaf): Promise<void> {
    this.asked.push({ leaf, at: this.now - STARTED });
    const { effect } = leaf;
    if (effect.kind === 'fork') {
      for (const branch of branchesOf(frame, { ...leaf, effect })) this.keep(branch);
      for (const branch of effect.branches) await this.take(branch, { kind: 'begin' });
      return;
    }
    if (effect.kind === 'wait' || effect.kind === 'retry') return;
    const outcome = this.simulation.outside?.(leaf, this.asked.length);
    if (outcome !== undefined) await this.take(frame.id, outcome);
  }

  private async join(id: string): Promise<void> {
    const effect = this.frames.get(id)?.leaf?.effect;
    if (effect?.kind !== 'fork') return;
    const outcome = outcomeOfFork(effect, (branch) => this.frames.get(branch)?.end);
    if (outcome !== undefined) await this.take(id, outcome);
  }

  private endAll(end: Frame['end']): void {
    for (const frame of [...this.frames.values()].toReversed()) if (frame.end === undefined) this.cutOff(frame);
    const root = this.frames.get(ROOT);
    if (root !== undefined) this.frames.set(ROOT, { ...root, end });
    this.isOver = true;
  }

  private drop(id: string): void {
    const frame = this.frames.get(id);
    if (frame === undefined) return;
    if (frame.leaf?.effect.kind === 'fork') for (const branch of frame.leaf.effect.branches) this.drop(branch);
    if (frame.end === undefined) this.cutOff(frame);
    this.frames.delete(id);
  }

  private cutOff({ stack, leaf }: Frame): void {
    const begun = [...stack.filter(({ task, root }) => task !== '' && root !== true), ...(leaf ? [leaf] : [])];
    for (const { task, key } of begun.toReversed()) if (!key.includes('~')) this.note('cancelled', task, key);
  }

  private note(what: string, task: string, key: string): void {
    this.events.push({ what, task, key });
  }

  private keep(frame: Frame): void {
    this.frames.set(frame.id, this.simulation.stored?.(frame) ?? frame);
  }

  private get world(): World {
    const { input = {}, random = 0, secrets = {} } = this.simulation;
    return {
      definition: this.definition,
      expressions: this.expressions,
      run: { id: 'run', input, startedAt: new Date(STARTED).toISOString() },
      runtime: { name: 'a2a-mcp-server', version: '2.3.4' },
      context: this.context,
      now: () => new Date(this.now),
      random: () => random,
      secrets: () => Promise.resolve(secrets),
    };
  }
}
