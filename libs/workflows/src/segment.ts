import { setTimeout as sleep } from 'node:timers/promises';
import { Log } from '@app/telemetry';
import type { TaskRow } from '@app/tasks';
import { Draft } from './draft.js';
import type { Frame, Leaf, Level, Taken } from './frame.js';
import { callersIn } from './functions.js';
import { HandOut } from './hand-out.js';
import { dueAt, dueOutcomes } from './deadlines.js';
import { Joining } from './joining.js';
import type { Outcome, Plan } from './plan.js';
import { advance } from './planner.js';
import { problemFor, problemOf } from './problems.js';
import { News } from './news.js';
import { patiently } from './patience.js';
import type { RunHere } from './run-here.js';
import type { RunTools } from './run-tools.js';
import { RunWriter } from './run-writer.js';
import type { World } from './scope.js';
import { type RunState, readState } from './sql-state.js';

/** A run that ends whoever works on it must not do so for ever. */
const MOST_ATTEMPTS = 10;
const FRESH_POLL_MS = 100;

interface Input {
  readonly frame: string;
  /** Of the task that it is the outcome of; undefined: the frame is to go on. */
  readonly key: string | undefined;
  readonly outcome: Outcome;
  /** Events that its `listen` took. */
  readonly taken?: readonly Taken[];
}

/** A call that is under way, and not stored yet once it has ended. */
interface Call extends AbortController {
  readonly key?: string;
}

/**
 * One run while this process owns it: takes in what happened, plans, writes, and hands out what the plan asks for. All that
 * it knows is in rows; it may vanish at any moment.
 */
export class Segment implements RunHere {
  private readonly log = new Log('Workflows');
  private readonly frames = new Map<string, Frame>();
  private inputs: Input[] = [];
  /** Calls of frames whose outcome is not stored yet. */
  readonly out = new Map<string, Call>();
  private ring = (): void => undefined;
  private isRung = true;
  private isDropped = false;
  private isOver = false;
  private state: RunState | undefined;
  private readonly news: News;
  private readonly writer: RunWriter;

  constructor(
    public row: TaskRow,
    private readonly tools: RunTools,
    /** How long it may stay with nothing to do, in milliseconds. */
    private readonly linger: () => number,
  ) {
    this.news = new News(this, tools);
    this.writer = new RunWriter(this, tools);
  }

  /** Until it is over, waits for something far, or is lost. */
  async work(): Promise<void> {
    this.state = await this.patiently(() => readState(this.tools.db, this.row.id));
    if (this.state === undefined) return;
    for (const frame of this.state.frames) this.frames.set(frame.id, frame);
    if (this.row.attempts > MOST_ATTEMPTS) await this.giveUp();
    else this.begin();
    while (!this.isDropped && !this.isOver) await this.turn();
    this.drop();
  }

  get run(): RunState {
    if (this.state === undefined) throw new Error('The run has not been read');
    return this.state;
  }

  get all(): ReadonlyMap<string, Frame> {
    return this.frames;
  }

  get isLost(): boolean {
    return this.isDropped;
  }

  /** Something happened: look. */
  wake(): void {
    this.isRung = true;
    this.ring();
  }

  /** Not ours any more, or over. */
  drop(): void {
    this.isDropped = true;
    for (const call of this.out.values()) call.abort();
    this.ring();
  }

  tell(frame: string, outcome: Outcome, taken?: readonly Taken[]): void {
    this.hear({ frame, key: this.frames.get(frame)?.leaf?.key, outcome, taken });
  }

  /** What was held back may begin. */
  begin(): void {
    for (const frame of this.frames.values()) if (isReady(frame)) this.tell(frame.id, { kind: 'begin' });
  }

  /** Calls the outside, and tells what came of it. */
  callOut(frame: string, leaf: Leaf): void {
    const { key, effect } = leaf;
    // It may have been taken back in the step that asked for it.
    const isWanted = this.frames.get(frame)?.leaf?.key === key && !this.isDropped && !this.isOver;
    if (effect.kind !== 'call' || !isWanted) return;
    const call: Call = Object.assign(new AbortController(), { key });
    this.out.set(frame, call);
    const { stack = [] } = this.frames.get(frame) ?? {};
    const { row, run } = this;
    const step = { row, run, key, signal: call.signal, world: this.world(new Draft(run)) };
    this.patiently(() => this.tools.callers.demandRun(run))
      .then(() => this.becomesFresh(call.signal))
      .then(() =>
        this.tools.outcalls.call(effect, {
          ...step,
          place: { stack, activation: leaf },
          deadline: deadlineOfCall(stack, leaf),
        }),
      )
      .then((output): Outcome => ({ kind: 'output', output }))
      .catch((error: unknown): Outcome => ({ kind: 'problem', problem: problemFor(error) }))
      .then((outcome) => this.hear({ frame, key, outcome }))
      // What nobody wants any more was aborted.
      .catch((cause: unknown) => call.signal.aborted || this.failed(cause));
  }

  /** A call that somebody else began, or that nobody did: whoever took over cannot know. */
  callAgain(frame: string, leaf: Leaf): void {
    if (this.out.get(frame)?.key === leaf.key || leaf.effect.kind !== 'call') return;
    if (!leaf.effect.atMostOnce) return this.callOut(frame, leaf);
    const detail = `outcome unknown: the call may have been made, and is to be made at most once`;
    this.tell(frame, { kind: 'problem', problem: problemOf('runtime', detail) });
  }

  questionsOf(step: string): string[] {
    return this.news.questions.filter((question) => question.step === step).map(({ id }) => id);
  }

  /** The run as the planner sees it, with what the draft changed already. */
  world(draft: Draft): World {
    const { definition, input } = this.run;
    const startedAt = this.row.created_at.toISOString();
    return {
      definition,
      expressions: this.tools.expressions,
      run: { id: this.row.id, input, startedAt },
      context: draft.context === undefined ? this.run.context : draft.context.value,
      now: () => new Date(),
      random: Math.random,
      secrets: () => this.tools.outcalls.all(definition),
    };
  }

  /** Plans what follows from what became of a frame, and all that follows from that. */
  async take(draft: Draft, id: string, outcome: Outcome): Promise<void> {
    const frame = draft.frames.get(id) ?? (draft.dropped.has(id) ? undefined : this.frames.get(id));
    if (frame === undefined || frame.end !== undefined || draft.result !== undefined) return;
    const pauses = this.news.isPaused && draft.ending === null;
    await this.accept(draft, frame, await advance(this.world(draft), frame, outcome, pauses), outcome);
  }

  /** Written: this is how the run stands now. */
  written(draft: Draft, row: TaskRow): void {
    this.row = row;
    for (const id of draft.dropped) this.frames.delete(id);
    for (const frame of draft.frames.values()) this.frames.set(frame.id, frame);
    const { context, undo, ending, consumed } = draft;
    this.state = { ...this.run, undo, ending, consumed, ...(context && { context: context.value }) };
    this.isOver = draft.result !== undefined;
    for (const [id, { key }] of this.out) if (this.frames.get(id)?.leaf?.key !== key) this.out.delete(id);
    for (const begin of draft.after) begin();
  }

  private hear(input: Input): void {
    this.inputs.push(input);
    this.ring();
  }

  /** Stood still for a while: whoever took over may be calling already. What is lost is aborted. */
  private async becomesFresh(signal: AbortSignal): Promise<void> {
    while (!this.tools.store.isFresh()) await sleep(FRESH_POLL_MS, undefined, { signal });
  }

  private patiently<T>(work: () => Promise<T>): Promise<T> {
    return patiently(() => this.isDropped, work);
  }

  private async turn(): Promise<void> {
    if (this.isRung) {
      this.isRung = false;
      await this.patiently(() => this.news.look());
    }
    for (const { frame, outcome } of dueOutcomes(this.frames.values(), new Date())) this.tell(frame, outcome);
    if (this.isDropped) return;
    const inputs = this.inputs.splice(0);
    // What it asked is answered, though it goes on with nothing yet.
    const isAnswered = this.row.state === 'input-required' && this.news.questions.length === 0;
    if (inputs.length > 0 || this.news.mustEnd || isAnswered) return this.patiently(() => this.step(inputs));
    await this.rest();
  }

  private async step(inputs: readonly Input[]): Promise<void> {
    const draft = new Draft(this.run);
    try {
      if (this.news.mustEnd) await new Joining(this, draft, this.tools).end({ canceled: true });
      else for (const input of inputs) await this.takeInput(draft, input);
      await this.writer.write(draft);
    } catch (error) {
      this.writer.forget(draft);
      throw error;
    }
  }

  private async takeInput(draft: Draft, { frame: id, key, outcome, taken }: Input): Promise<void> {
    const frame = draft.frames.get(id) ?? this.frames.get(id);
    // It went on meanwhile: this is the outcome of something that nobody waits for any more.
    if (frame?.leaf?.key !== key) return;
    if (taken?.some(({ position }) => draft.consumed.includes(position))) {
      // Another thread of the run took it a moment ago.
      draft.after.push(() => this.wake());
      return;
    }
    if (taken !== undefined && frame?.leaf !== undefined) {
      draft.consumed = [...draft.consumed, ...taken.map(({ position }) => position)];
      draft.keep({ ...frame, leaf: { ...frame.leaf, taken: [...(frame.leaf.taken ?? []), ...taken] } });
    }
    await this.take(draft, id, outcome);
  }

  private async accept(draft: Draft, before: Frame, plan: Plan, outcome: Outcome): Promise<void> {
    const { frame } = plan;
    // That a fork fails because of its branch is no failure of its own.
    const isOwn = outcome.kind !== 'problem' || before.leaf?.effect.kind !== 'fork';
    if (plan.retry !== undefined && isOwn) draft.failed(plan.retry);
    draft.keep(frame);
    for (const event of plan.events) draft.note(event);
    if (plan.context !== undefined) draft.context = plan.context;
    if (draft.ending === null) draft.undo = [...draft.undo, ...plan.undo];
    const handOut = new HandOut(this, draft, this.tools);
    if (before.leaf !== undefined && before.leaf.key !== frame.leaf?.key) handOut.release(before, outcome);
    const joining = new Joining(this, draft, this.tools);
    // What undoes a run cannot end it: it is ending.
    if (plan.ends && draft.ending === null) return joining.end(await joining.resultOf(frame));
    if (frame.end !== undefined) return joining.ended(frame, frame.end);
    if (frame.leaf === undefined) draft.after.push(() => this.goOn(frame.id));
    else if (frame.leaf.key !== before.leaf?.key) await handOut.handOut(frame, frame.leaf);
  }

  private goOn(id: string): void {
    if (!this.news.isPaused || this.run.ending !== null) this.tell(id, { kind: 'begin' });
  }

  private async giveUp(): Promise<void> {
    const draft = new Draft(this.run);
    const detail = `Given up after ${MOST_ATTEMPTS} attempts, each of which ended with its process`;
    await new Joining(this, draft, this.tools).end({ problem: problemOf('runtime', detail) });
    await this.writer.write(draft);
  }

  /** Nothing to do now: waits here for a while, then lets go. */
  private async rest(): Promise<void> {
    const due = dueAt(this.frames.values());
    const nearMs = due === undefined ? Infinity : due.getTime() - Date.now();
    const lingerMs = this.out.size > 0 ? Infinity : this.linger();
    const isWoken = await this.ringing(Math.min(nearMs, lingerMs));
    if (isWoken || this.isDropped || nearMs <= lingerMs) return;
    const again = () => (due === undefined ? null : Math.max(due.getTime() - Date.now(), 0));
    if (await this.patiently(() => this.writer.letGo(again(), this.news.questions))) this.isOver = true;
    else this.wake();
  }

  /** @returns whether something happened in time */
  private ringing(ms: number): Promise<boolean> {
    if (this.isRung || this.isDropped || this.inputs.length > 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = ms < 2 ** 31 ? setTimeout(() => resolve(false), Math.max(ms, 0)) : undefined;
      this.ring = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }

  /** A bug of ours: the run must not go round for ever. */
  failed(cause: unknown): void {
    this.log.error('A run of a workflow broke', { run: this.row.id, workflow: this.run.name, cause });
  }
}

/** That of the task, or of the call of the function that it is the task of. */
const deadlineOfCall = (stack: readonly Level[], { deadline }: Leaf): string | undefined =>
  [deadline, ...callersIn(stack).map((level) => level.deadline)].filter((one) => one !== undefined).toSorted()[0];

/** Nobody has begun what comes next. */
const isReady = ({ leaf, end }: Frame): boolean => leaf === undefined && end === undefined;
