import { DomainError, isJsonObject } from '@app/core';
import { isFinal } from '@app/a2a';
import type { Part } from '@app/a2a';
import type { TaskView } from '@app/tasks';
import type { Frame, Leaf, Problem } from './frame.js';
import { isStep } from './hand-out.js';
import { problemOf } from './problems.js';
import type { Outcome } from './plan.js';
import type { RunTools } from './run-tools.js';
import type { RunHere } from './run-here.js';
import { type News as NewsRow, type Question, readNews } from './sql-state.js';
import { outputOfCall } from './step-output.js';

/** What happened outside of a run. */
export class News {
  private paused: boolean | undefined;
  private canceled = false;
  private open: readonly Question[] = [];

  constructor(
    private readonly segment: RunHere,
    private readonly tools: RunTools,
  ) {}

  get isPaused(): boolean {
    return this.paused ?? this.segment.run.paused;
  }

  /** It is to be canceled, and is not being yet. */
  get mustEnd(): boolean {
    return this.canceled && this.segment.run.ending === null;
  }

  /** What people are asked at the moment. */
  get questions(): readonly Question[] {
    return this.open;
  }

  /** Nobody is asked these any more. */
  closed(ids: readonly string[]): void {
    this.open = this.open.filter(({ id }) => !ids.includes(id));
  }

  /** Looks at everything that any of its frames waits for. */
  async look(): Promise<void> {
    const row = await this.tools.store.clearWoken(this.segment.row);
    if (row === undefined) return this.segment.drop();
    this.canceled = row.cancel_requested_at !== null;
    const steps = [...this.segment.all.values()].flatMap(({ leaf }) =>
      leaf?.handle !== undefined && isStep(leaf.effect) ? leaf.handle : [],
    );
    const news = await readNews(this.tools.db, row.id, steps);
    const wasPaused = this.paused ?? this.segment.run.paused;
    this.paused = news.paused;
    this.open = news.open;
    if (wasPaused && !news.paused) this.segment.begin();
    for (const frame of this.segment.all.values())
      if (frame.leaf !== undefined && frame.end === undefined) await this.lookFor(frame, frame.leaf, news);
  }

  private async lookFor(frame: Frame, leaf: Leaf, news: NewsRow): Promise<void> {
    const { effect, handle } = leaf;
    if (effect.kind === 'call' && effect.call !== 'agent') return this.segment.calls.makeAgain(frame.id, leaf);
    if (handle === undefined) return;
    if (effect.kind === 'listen') return this.tools.events.lookFor(this.segment, frame, leaf);
    if (isStep(effect)) return this.lookAtStep(frame, handle, news);
    const answer = news.answered.find(({ id }) => id === handle);
    if (answer !== undefined) this.segment.tell(frame.id, { kind: 'output', output: answer.answer });
  }

  private async lookAtStep(frame: Frame, step: string, news: NewsRow): Promise<void> {
    const known = news.steps.find(({ id }) => id === step);
    if (known?.rests === false) return;
    const view = known && (await this.tools.store.view(step));
    if (view === undefined) return this.segment.tell(frame.id, gone(step));
    if (isFinal(view.state)) return this.segment.tell(frame.id, outcomeOf(view));
    await this.relay(frame, view, news);
  }

  /** The agent of a step asks something: people are asked, and their answer goes to it. */
  private async relay(frame: Frame, view: TaskView, news: NewsRow): Promise<void> {
    // A run within asks for itself; who answers there answers this one.
    if (view.kind !== 'agent') return;
    const asked = news.open.find(({ step }) => step === view.taskId);
    if (asked !== undefined) return;
    const answered = await this.tools.approvals.answeredFor(view);
    if (answered !== undefined) {
      await this.pass(answered, view.taskId);
      return;
    }
    this.open = [...this.open, await this.tools.approvals.askFor(this.segment.row.id, frame, view)];
  }

  private async pass({ id, answer }: { id: string; answer: unknown }, step: string): Promise<void> {
    try {
      const caller = await this.tools.callers.callerOf(this.segment.run);
      await this.tools.store.answerStep(caller, step, partsOfAnswer(answer));
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
    }
    await this.tools.approvals.close(id);
  }
}

const gone = (step: string): Outcome => ({
  kind: 'problem',
  problem: problemOf('runtime', `The task ${step} was removed before it ended`),
});

function outcomeOf(view: TaskView): Outcome {
  if (view.state === 'completed') return { kind: 'output', output: outputOfCall(view) };
  const own = view.kind === 'workflow' && view.state === 'failed' ? problemOfRun(view.message) : undefined;
  if (own !== undefined) return { kind: 'problem', problem: own };
  const said = view.error?.message ?? textOf(view.message);
  const what = view.state === 'canceled' ? 'was canceled' : 'failed';
  const detail = `${view.agent} ${what}${said === '' ? '' : `: ${said}`}`;
  if (view.error?.code === 'timeout') return { kind: 'problem', problem: problemOf('timeout', detail) };
  return { kind: 'problem', problem: problemOf(view.error === undefined ? 'runtime' : 'communication', detail) };
}

/** The error of a run that this one waited for, raised here by the task that did. */
function problemOfRun(parts: readonly Part[] = []): Problem | undefined {
  const found = parts.map(({ data }) => data).find((data) => isJsonObject(data) && typeof data.type === 'string');
  if (found === undefined) return undefined;
  // Its instance is in the other definition.
  return { ...(found as unknown as Problem), instance: undefined };
}

const textOf = (parts: readonly Part[] = []): string =>
  parts
    .map(({ text }) => text ?? '')
    .join(' ')
    .trim();

const partsOfAnswer = (answer: unknown): Part[] => {
  if (typeof answer === 'string') return [{ text: answer }];
  const { text } = answer as { text?: unknown };
  return typeof text === 'string' ? [{ text }] : [{ data: answer }];
};
