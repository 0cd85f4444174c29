import type { Random } from '../../support/random.js';

/** A generated workflow, and what must come of a run of it. */
export interface WorkflowPlan {
  /** Also the name of the workflow; begins every message of its runs. */
  readonly token: string;
  readonly definitions: readonly object[];
  readonly ends: 'completed' | 'failed' | 'canceled';
  /** How often each text is said to an agent when the run comes to its end by itself. */
  readonly says: ReadonlyMap<string, number>;
  /** What may be said, at most once, before somebody else was faster. */
  readonly maySay: ReadonlySet<string>;
  /** After so many milliseconds it is canceled. */
  readonly cancelAfterMs?: number;
}

type Task = Readonly<Record<string, object>>;

const QUICK = ['echo', 'legacy-echo', 'researcher-plain'];
const SLOW = ['long-runner', 'long-runner-plain', 'legacy-long-runner'];
const ERROR = { type: 'https://example.com/errors/no', status: 409 };

/** @param token without a digit at its end */
export function workflowPlan(token: string, random: Random): WorkflowPlan {
  return new Author(token, random).plan();
}

/** Calls more often than the others: most of what runs do. */
const LEAVES = ['call', 'call', 'call', 'wait', 'approval', 'question', 'race', 'timeout'] as const;
const NESTS = ['fork', 'loop', 'retry', 'child'] as const;

/** Writes one workflow: sequences of calls, forks, loops, retries, waits, questions, races, time-outs, child workflows. */
class Author {
  private readonly says = new Map<string, number>();
  private readonly maySay = new Set<string>();
  private readonly definitions: object[] = [];
  private count = 0;

  constructor(
    private readonly token: string,
    private readonly random: Random,
  ) {}

  plan(): WorkflowPlan {
    const { token, random, says, maySay, definitions } = this;
    const ends = random.pick(['completed', 'completed', 'completed', 'failed', 'canceled'] as const);
    const tasks = this.list(random.int(3, 5), 2, 1, ends !== 'completed');
    const last: Task = ends === 'failed' ? { fail: { raise: { error: ERROR } } } : { done: { set: { done: token } } };
    // One that is canceled must not be over before.
    const late = ends === 'canceled' ? [{ late: { wait: { minutes: 10 } } }] : [];
    this.define(token, [...tasks, ...late, last]);
    const cancelAfterMs = ends === 'canceled' ? random.int(200, 9_000) : undefined;
    return { token, definitions, ends, says, maySay, cancelAfterMs };
  }

  private define(name: string, tasks: readonly Task[]): void {
    this.definitions.push({ document: { dsl: '1.0.3', namespace: 'kill', name, version: '1.0.0' }, do: tasks });
  }

  private list(length: number, depth: number, times: number, undoes = false): Task[] {
    return Array.from({ length }, () => this.task(depth, times, undoes));
  }

  /** @param times how often it is done @param undoes its calls are undone when the run fails */
  private task(depth: number, times: number, undoes: boolean): Task {
    const name = `t${this.count++}`;
    const make = this.random.pick(depth > 0 && !undoes ? [...LEAVES, ...NESTS, ...NESTS] : LEAVES);
    const write: (name: string, depth: number, times: number, undoes: boolean) => object = this[make].bind(this);
    return { [name]: write(name, depth - 1, times, undoes) };
  }

  private text(name: string): string {
    return `${this.token}-${name}.`;
  }

  private expect(text: string, times: number): string {
    this.says.set(text, (this.says.get(text) ?? 0) + times);
    return text;
  }

  private call(name: string, _depth: number, times: number, undoes: boolean): object {
    const said = this.expect(this.text(name), times);
    const undo = { call: 'agent', with: { agent: 'echo', message: `undo ${said}` } };
    const metadata = undoes ? { metadata: { compensate: [{ undo }] } } : {};
    const agent = this.random.pick(QUICK);
    return { call: 'agent', with: { agent, message: said }, ...metadata };
  }

  /** Also longer than a run stays with its owner when nothing happens. */
  private wait(): object {
    return { wait: { milliseconds: this.random.pick([50, 400, 1_000, 2_600]) } };
  }

  private approval(): object {
    return { call: 'human', with: { prompt: `${this.token}: may it go on?` } };
  }

  private question(name: string, _depth: number, times: number): object {
    const said = this.expect(this.text(name), times);
    this.expect(`blue ${this.token}`, times);
    return { call: 'agent', with: { agent: 'asker', message: said } };
  }

  /** The slow one is told that nobody wants its answer any more. */
  private race(name: string, _depth: number, times: number): object {
    const slow = `${this.text(name)} for 10 min`;
    this.maySay.add(slow);
    const quick = {
      call: 'agent',
      with: { agent: this.random.pick(QUICK), message: this.expect(this.text(name), times) },
    };
    const branches = [{ slow: { call: 'agent', with: { agent: this.random.pick(SLOW), message: slow } } }, { quick }];
    return { fork: { branches, compete: true } };
  }

  private timeout(name: string): object {
    const slow = `${this.text(name)} for 10 min`;
    this.maySay.add(slow);
    const timeout = { after: { milliseconds: this.random.int(100, 1_500) } };
    const call = { call: 'agent', with: { agent: this.random.pick(SLOW), message: slow }, timeout };
    const errors = { with: { status: 408 } };
    return { try: [{ slow: call }], catch: { errors, do: [{ late: { set: { late: true } } }] } };
  }

  private fork(_name: string, depth: number, times: number): object {
    return { fork: { branches: this.list(this.random.int(2, 3), depth, times) } };
  }

  private loop(_name: string, depth: number, times: number): object {
    const rounds = this.random.int(2, 3);
    return { for: { in: '${ [range(1; ' + (rounds + 1) + ')] }' }, do: this.list(2, depth, times * rounds) };
  }

  /** Fails until nobody tries any more. */
  private retry(_name: string, depth: number, times: number): object {
    const retries = this.random.int(1, 2);
    const tries = [...this.list(1, depth, times * (retries + 1)), { fail: { raise: { error: ERROR } } }];
    const retry = { delay: { milliseconds: this.random.pick([20, 500]) }, limit: { attempt: { count: retries } } };
    return { try: tries, catch: { retry, do: [{ caught: { set: { caught: true } } }] } };
  }

  private child(name: string, depth: number, times: number): object {
    const child = `${this.token}-${name}`;
    this.define(child, this.list(2, depth, times));
    return { run: { workflow: { namespace: 'kill', name: child, version: '1.0.0', input: {} } } };
  }
}
