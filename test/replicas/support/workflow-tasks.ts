import type { Random } from '../../support/random.js';

export type Tasks = readonly Readonly<Record<string, object>>[];

/** Where a task stands. */
export interface Around {
  /** How many more lists may stand within. */
  readonly depth: number;
  /** How often it is done. */
  readonly times: number;
  /** Its calls are undone when the run fails. */
  readonly undoes: boolean;
  /** In the list of the workflow itself, and done once. */
  readonly isRoot: boolean;
}

/** What writes a workflow. */
export interface Pen {
  readonly token: string;
  readonly service: string;
  readonly random: Random;
  readonly maySay: Set<string>;
  readonly onceAtMost: Map<string, number>;
  readonly emits: Map<string, number>;
  readonly hears: string[];
  define(name: string, tasks: Tasks): void;
  list(length: number, around: Around): Tasks;
  /** What is said by the task of that name. */
  text(name: string): string;
  /** It is said so often. */
  expect(text: string, times: number): string;
}

type Writer = (pen: Pen, name: string, around: Around) => object;

const QUICK = ['echo', 'legacy-echo'];
const THOROUGH = ['researcher', 'researcher-plain', 'legacy-researcher'];
const SLOW = ['long-runner', 'long-runner-plain', 'legacy-long-runner'];
const ERROR = { type: 'https://example.com/errors/no', status: 409 };
const UNKNOWN = '${ $error.detail | contains("outcome unknown") }';

const agent = (slug: string, message: string) => ({ call: 'agent', with: { agent: slug, message } });

/** Calls are undone by another one that says what it undoes. */
const undoing = ({ undoes }: Around, said: string) =>
  undoes ? { metadata: { compensate: [{ undo: agent('echo', `undo ${said}`) }] } } : {};

const call: Writer = (pen, name, around) => {
  const said = pen.text(name);
  if (pen.random.chance(0.6)) {
    pen.expect(said, around.times);
    return { ...agent(pen.random.pick(QUICK), said), ...undoing(around, said) };
  }
  const long = pen.expect(`${said} in ${pen.random.int(2, 12) * 100} ms`, around.times);
  return { ...agent(pen.random.pick(THOROUGH), long), ...undoing(around, long) };
};

const http: Writer = (pen, name, around) => {
  const text = pen.expect(pen.text(name), around.times);
  return { ...post(pen, text), ...undoing(around, text) };
};

const post = ({ service, random }: Pen, text: string, ms = random.int(0, 15) * 100) => ({
  call: 'http',
  with: { method: 'post', endpoint: `${service}/say`, body: { text, ms } },
});

const mcp: Writer = (pen, name, { times }) => {
  const text = pen.expect(pen.text(name), times);
  const parameters = { name: 'say', arguments: { text, ms: pen.random.int(0, 15) * 100 } };
  const transport = { http: { endpoint: `${pen.service}/mcp` } };
  return { call: 'mcp', with: { protocolVersion: '2025-06-18', method: 'tools/call', transport, parameters } };
};

/** When nobody can know whether it was made, it is not made again. Faults come about as often as it takes. */
const once: Writer = (pen, name, { times }) => {
  const isAgent = pen.random.chance(0.3);
  const ms = pen.random.int(30, 80) * 100;
  const text = isAgent ? `${pen.text(name)} in ${ms} ms` : pen.text(name);
  pen.onceAtMost.set(text, times);
  const made = isAgent ? agent(pen.random.pick(THOROUGH), text) : post(pen, text, ms);
  const tries = [{ one: { ...made, metadata: { atMostOnce: true } } }];
  return { try: tries, catch: { when: UNKNOWN, do: [{ unknown: { set: { unknown: true } } }] } };
};

/** Also longer than a run stays with its owner when nothing happens. */
const wait: Writer = ({ random }, _name, { times }) => ({
  wait: { milliseconds: random.pick(times > 1 ? [50, 400] : [50, 400, 1_000, 2_600]) },
});

const approval: Writer = ({ token }) => ({ call: 'human', with: { prompt: `${token}: may it go on?` } });

const question: Writer = (pen, name, { times }) => {
  const said = pen.expect(pen.text(name), times);
  pen.expect(`blue ${pen.token}`, times);
  return agent('asker', said);
};

/** What loses a race. All of it is told that nobody wants it any more. */
const LOSERS: readonly Writer[] = [
  (pen, name) => slow(pen, name),
  (pen, name) => slow(pen, name),
  () => ({ wait: { minutes: 10 } }),
  () => ({ call: 'human', with: { prompt: NOBODY } }),
  ({ token }, name) => ({ listen: { to: { one: { with: { type: `${token}.${name}.never` } } } } }),
  (pen, name) => {
    const child = `${pen.token}-${name}`;
    pen.define(child, [{ slow: slow(pen, name) }]);
    return runOf(child);
  },
];

/** A question that is left open. */
export const NOBODY = 'Does anybody answer?';

function slow(pen: Pen, name: string): object {
  const said = `${pen.text(name)} for 10 min`;
  pen.maySay.add(said);
  return agent(pen.random.pick(SLOW), said);
}

const runOf = (name: string) => ({ run: { workflow: { namespace: 'kill', name, version: '1.0.0', input: {} } } });

const race: Writer = (pen, name, around) => {
  const lost = pen.random.pick(LOSERS)(pen, name, around);
  const quick = agent(pen.random.pick(QUICK), pen.expect(pen.text(name), around.times));
  return { fork: { branches: [{ slow: lost }, { quick }], compete: true } };
};

const timeout: Writer = (pen, name) => {
  const late = { ...slow(pen, name), timeout: { after: { milliseconds: pen.random.int(100, 1_500) } } };
  const errors = { with: { status: 408 } };
  return { try: [{ slow: late }], catch: { errors, do: [{ late: { set: { late: true } } }] } };
};

/** Only what is chosen is done. */
const choice: Writer = (pen, name, around) => {
  const [chosen] = pen.list(1, around);
  const [right = 'right'] = Object.keys(chosen ?? {});
  const cases = [{ no: { when: '${ false }', then: 'wrong' } }, { yes: { when: '${ true }', then: right } }];
  const wrong = agent('echo', `${pen.text(name)} was not chosen`);
  return { do: [{ choose: { switch: cases } }, { wrong }, { ...chosen }] };
};

/** Somebody tells the run something. */
const event: Writer = (pen, name) => {
  const type = `${pen.token}.${name}`;
  pen.hears.push(type);
  return { listen: { to: { one: { with: { type } } } } };
};

/** One thread tells the other something. */
const told: Writer = ({ token, emits }, name, { times }) => {
  const type = `${token}.${name}`;
  emits.set(type, times);
  const correlate = { run: { from: '.data.run', expect: '${ $workflow.id }' } };
  const listen = { to: { one: { with: { type }, correlate } } };
  const emit = { event: { with: { type, source: 'https://example.com/kill', data: { run: '${ $workflow.id }' } } } };
  return { fork: { branches: [{ heard: { listen } }, { told: { emit } }] } };
};

const fork: Writer = (pen, _name, around) => ({
  fork: { branches: pen.list(pen.random.int(2, 3), around) },
});

const loop: Writer = (pen, _name, around) => {
  const rounds = pen.random.int(2, 3);
  const within = { ...around, times: around.times * rounds, isRoot: false };
  return { for: { in: '${ [range(1; ' + (rounds + 1) + ')] }' }, do: pen.list(2, within) };
};

const whileTrue: Writer = (pen, _name, around) => {
  const rounds = pen.random.int(1, 3);
  const within = { ...around, times: around.times * rounds, isRoot: false };
  return { for: { in: '${ [range(9)] }' }, while: '${ $index < ' + rounds + ' }', do: pen.list(1, within) };
};

/** Fails until nobody tries any more. */
const retry: Writer = (pen, _name, around) => {
  const retries = pen.random.int(1, 2);
  const within = { ...around, times: around.times * (retries + 1), isRoot: false };
  const tries = [...pen.list(1, within), { fail: { raise: { error: ERROR } } }];
  const again = { delay: { milliseconds: pen.random.pick([20, 500]) }, limit: { attempt: { count: retries } } };
  return { try: tries, catch: { retry: again, do: [{ caught: { set: { caught: true } } }] } };
};

const child: Writer = (pen, name, around) => {
  const named = `${pen.token}-${name}`;
  pen.define(named, pen.list(2, { ...around, isRoot: false }));
  return runOf(named);
};

export const WRITERS = {
  call,
  http,
  mcp,
  once,
  wait,
  approval,
  question,
  race,
  timeout,
  event,
  told,
  choice,
  fork,
  loop,
  whileTrue,
  retry,
  child,
} satisfies Record<string, Writer>;

export type Kind = keyof typeof WRITERS;
export const KINDS = Object.keys(WRITERS) as [Kind, ...Kind[]];
/** They hold lists of others. */
export const NESTS: ReadonlySet<Kind> = new Set<Kind>(['choice', 'fork', 'loop', 'whileTrue', 'retry', 'child']);
