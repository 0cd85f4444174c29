import type { Random } from '../../support/random.js';
import { type Around, KINDS, type Kind, NESTS, type Pen, type Tasks, WRITERS } from './workflow-tasks.js';

/** A generated workflow, and what must come of a run of it. */
export interface WorkflowPlan {
  /** Also the name of the workflow; begins every message of its runs. */
  readonly token: string;
  readonly definitions: readonly Definition[];
  /** What there is to be found in it. */
  readonly kinds: ReadonlySet<Kind>;
  readonly ends: 'completed' | 'failed' | 'canceled';
  /** How often each text is said, to an agent or to the service, when the run comes to its end by itself. */
  readonly says: ReadonlyMap<string, number>;
  /** What may be said, at most once an execution, before somebody else was faster. */
  readonly maySay: ReadonlySet<string>;
  /** How often at most each text is said that must not be sent again, whatever happens. */
  readonly onceAtMost: ReadonlyMap<string, number>;
  /** How often its runs tell each type of event. */
  readonly emits: ReadonlyMap<string, number>;
  /** Types of events that somebody tells once it has begun. */
  readonly hears: readonly string[];
  /** After so many milliseconds it is canceled. */
  readonly cancelAfterMs?: number;
  /** After so many milliseconds it is paused, for so many. */
  readonly pause?: { readonly afterMs: number; readonly forMs: number };
}

export interface Definition {
  readonly document: Readonly<Record<'dsl' | 'namespace' | 'name' | 'version', string>>;
  readonly do: Tasks;
}

const ERROR = { type: 'https://example.com/errors/no', status: 409 };

/** How runs come to their end. */
const COURSES = ['completed', 'failed', 'paused', 'canceled', 'completed'] as const;
/** Tasks of one workflow, those of its children included, and a few that stand for one. */
const MOST_TASKS = 12;
/** How often one task is done in a run, by all the loops and retries around it. */
const MOST_TIMES = 6;

/**
 * The nth of many: kinds of tasks and courses take turns, so that any twenty in a row have all of them.
 * @param token without a digit at its end @param service where requests are remembered
 */
export function workflowPlan(n: number, token: string, service: string, random: Random): WorkflowPlan {
  return new Author(token, service, random).plan(turn(COURSES, n), turn(KINDS, n));
}

const turn = <T>(list: readonly [T, ...T[]], n: number): T => list[n % list.length] ?? list[0];

/** Writes one workflow. */
class Author implements Pen {
  readonly says = new Map<string, number>();
  readonly maySay = new Set<string>();
  readonly onceAtMost = new Map<string, number>();
  readonly emits = new Map<string, number>();
  readonly hears: string[] = [];
  private readonly kinds = new Set<Kind>();
  private readonly definitions: Definition[] = [];
  private count = 0;

  constructor(
    readonly token: string,
    readonly service: string,
    readonly random: Random,
  ) {}

  plan(course: (typeof COURSES)[number], kind: Kind): WorkflowPlan {
    const { token, random, says, maySay, onceAtMost, emits, hears, definitions, kinds } = this;
    const ends = course === 'paused' ? 'completed' : course;
    const around = { depth: 2, times: 1, undoes: ends !== 'completed', isRoot: true };
    const before = this.list(random.int(1, 2), around);
    const tasks = [...before, this.task(around, kind), ...this.list(random.int(1, 2), around)];
    const last: Tasks =
      ends === 'failed' ? [{ fail: { raise: { error: ERROR } } }] : [{ done: { set: { done: token } } }];
    // One that is canceled must not be over before.
    const late: Tasks = ends === 'canceled' ? [{ late: { wait: { minutes: 10 } } }] : [];
    this.define(token, [...tasks, ...late, ...last]);
    const all = { token, definitions, kinds, ends, says, maySay, onceAtMost, emits, hears };
    if (course === 'canceled') return { ...all, cancelAfterMs: random.int(200, 5_000) };
    if (course !== 'paused') return all;
    return { ...all, pause: { afterMs: random.int(100, 2_000), forMs: random.int(2_000, 4_000) } };
  }

  define(name: string, tasks: Tasks): void {
    this.definitions.push({
      document: { dsl: '1.0.3', namespace: 'kill', name, version: '1.0.0' },
      do: tasks,
    });
  }

  list(length: number, around: Around): Tasks {
    return Array.from({ length }, () => this.task(around));
  }

  text(name: string): string {
    return `${this.token}-${name}.`;
  }

  expect(text: string, times: number): string {
    this.says.set(text, (this.says.get(text) ?? 0) + times);
    return text;
  }

  private task(around: Around, kind = this.pick(around)): Tasks[number] {
    const name = `t${this.count++}`;
    this.kinds.add(kind);
    return { [name]: WRITERS[kind](this, name, { ...around, depth: around.depth - 1 }) };
  }

  private pick({ depth, times, isRoot }: Around): Kind {
    const isRoomy = depth > 0 && times < MOST_TIMES / 2 && this.count < MOST_TASKS;
    const fitting = KINDS.filter((kind) => (isRoomy || !NESTS.has(kind)) && (isRoot || kind !== 'event'));
    // Calls of agents are most of what runs do.
    return this.random.chance(0.3) ? 'call' : this.random.pick(fitting);
  }
}
