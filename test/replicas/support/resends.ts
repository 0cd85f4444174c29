import type { LedgerMessage } from '../../../apps/demo-agent/src/ledger.js';
import { grouped, type Outage } from './oracle.js';
import type { Heard } from './recording-service.js';
import type { Moment, Testimony } from './witness.js';

/** A message or a request as it arrived. */
interface Arrival {
  readonly text: string;
  /** Of the message, or the idempotency key. */
  readonly id: string;
  readonly at: number;
}

/** Until what was sent arrives, on a busy machine. */
const ON_ITS_WAY_MS = 1_000;

/** What was sent though architecture.md §3 does not allow it, judged by what arrived and by who owned what at that time. */
export class Resends {
  private readonly stepOf = new Map<string, string>();

  constructor(
    private readonly testimony: Testimony,
    private readonly outages: readonly Outage[],
    /** Texts that must not arrive twice, whatever happened. */
    private readonly onceAtMost: ReadonlySet<string>,
  ) {
    for (const [step, moments] of testimony.tasks)
      for (const { messages } of moments) for (const message of messages) this.stepOf.set(message, step);
  }

  /** The run that a message was said by. */
  runOf(messageId: string): string | undefined {
    const step = this.stepOf.get(messageId);
    return step && (this.testimony.tasks.get(step)?.[0]?.parent ?? undefined);
  }

  /** Messages to agents. */
  judgeMessages(ledger: readonly LedgerMessage[]): string[] {
    const all = ledger.map(({ text, messageId, at }) => ({ text, id: messageId, at: Date.parse(at) + WHOLE_MS }));
    return arrivalsOf(all).flatMap((arrivals) => {
      const [{ id, text } = NOTHING] = arrivals;
      const step = this.stepOf.get(id);
      if (step === undefined) return [`"${text}" was said as ${id}, and no task was to say that`];
      return this.judge(arrivals, step, (now) => whyNotSaid(now, id));
    });
  }

  /** Requests of runs themselves. */
  judgeRequests(heard: readonly Heard[]): string[] {
    const all = heard.map(({ text, key, at }) => ({ text, id: key, at: at + WHOLE_MS }));
    return arrivalsOf(all).flatMap((arrivals) => {
      const [{ id, text } = NOTHING] = arrivals;
      const run = id.slice(0, UUID_LENGTH);
      if (!this.testimony.tasks.has(run)) return [`"${text}" came with the key "${id}", which names no run`];
      // A cancel and a request may cross.
      const isCanceled = this.testimony.tasks.get(run)?.at(-1)?.state === 'canceled';
      return this.judge(arrivals, run, (_now, at) => {
        if (isCanceled) return undefined;
        return this.keyAt(run, id.slice(UUID_LENGTH), at) ? undefined : 'after its outcome was recorded';
      });
    });
  }

  /** One execution of a task makes one task or wait, and each task says one thing in each turn. */
  judgeExecutions(): string[] {
    const made = new Map<string, Set<string>>();
    for (const { run, key, handle } of this.testimony.waited) {
      if (key === null || handle === null) continue;
      const name = `${run}${key}`;
      made.set(name, (made.get(name) ?? new Set()).add(handle));
    }
    const often = [...made].filter(([, handles]) => handles.size > 1);
    const said = [...this.testimony.tasks].filter(([, moments]) => {
      const messages = new Set(moments.flatMap((moment) => moment.messages));
      const questions = moments.filter((now, i) => isAsking(now) && !isAsking(moments[i - 1]));
      return messages.size > 1 + questions.length;
    });
    return [
      ...often.map(([name, handles]) => `${name} was handed out ${handles.size} times: ${[...handles].join()}`),
      ...said.map(([id]) => `the task ${id} had more to say than it was asked for`),
    ];
  }

  private judge(
    arrivals: readonly Arrival[],
    task: string,
    whyNot: (now: Moment, at: number) => string | undefined,
  ): string[] {
    const moments = this.testimony.tasks.get(task) ?? [];
    return arrivals.flatMap((arrival, i) => {
      const { text, id, at } = arrival;
      const now = momentAt(moments, at);
      const why = now === undefined ? 'before it was stored' : whyNot(now, at);
      const before = arrivals[i - 1];
      const again = before === undefined ? undefined : this.whyNotAgain(moments, before, arrival);
      return [why, again].flatMap((reason) =>
        reason === undefined
          ? []
          : [`"${text}" (${id} of ${task}) arrived at ${new Date(at).toISOString()}, ${reason}`],
      );
    });
  }

  /** Only somebody else may send again, and only where the one before died, froze or lost the database meanwhile. */
  private whyNotAgain(moments: readonly Moment[], before: Arrival, { text, at }: Arrival): string | undefined {
    const since = `again after ${at - before.at} ms`;
    if (this.onceAtMost.has(text)) return `${since}, which was forbidden`;
    const sender = momentAt(moments, before.at);
    const claim = moments.find((now) => now.at > before.at && now.at <= at && now.epoch > (sender?.epoch ?? 0));
    if (claim === undefined) return `${since}, though nobody had taken it over`;
    const name = this.testimony.executors.get(sender?.executor ?? '') ?? '';
    const isExcused = this.outages.some(
      ({ from, to, hidesSigns, pid }) =>
        hidesSigns &&
        from <= claim.at &&
        before.at <= to + ON_ITS_WAY_MS &&
        (pid === undefined || name.endsWith(`/${pid}`)),
    );
    return isExcused ? undefined : `${since}, taken over though nothing had happened to ${name}`;
  }

  /** Whether a run waited for that call then. */
  private keyAt(run: string, key: string, at: number): boolean {
    const frame = key.slice(0, key.lastIndexOf('#'));
    const last = this.testimony.waited.findLast((one) => one.run === run && one.frame === frame && one.at <= at);
    return last?.key === key;
  }
}

const NOTHING: Arrival = { text: '', id: '', at: 0 };
const UUID_LENGTH = 36;
/** What arrived is timed in whole milliseconds, and the witness more finely. */
const WHOLE_MS = 1;
const isAsking = (now: Moment | undefined): boolean => now?.state === 'input-required';
const momentAt = (moments: readonly Moment[], at: number): Moment | undefined =>
  moments.findLast((now) => now.at <= at);

function whyNotSaid({ messages, heard, state, isOver }: Moment, id: string): string | undefined {
  // A cancel and a message may cross.
  if (state === 'canceled') return undefined;
  if (isOver || messages[0] !== id) return 'after what came of it was recorded';
  return heard ? 'after its first sign of life was recorded' : undefined;
}

/** Each message or request, as often as it arrived. */
const arrivalsOf = (all: readonly Arrival[]): Arrival[][] => [
  ...grouped(
    all.toSorted((a, b) => a.at - b.at),
    ({ id }) => id,
  ).values(),
];
