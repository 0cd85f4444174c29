import { expect, test } from 'vitest';
import type { Outage } from './oracle.js';
import { Resends } from './resends.js';
import type { Moment, Testimony, Waited } from './witness.js';

const STEP = '00000000-0000-7000-8000-000000000001';
const RUN = '00000000-0000-7000-8000-000000000002';
const KEY = '#1/0#3';

const FIRST = { parent: RUN, executor: 'a', epoch: 1, state: 'working', heard: false, isOver: false, messages: ['m'] };
const moment = (at: number, more: Partial<Moment> = {}): Moment => ({ ...FIRST, at, ...more });
const BEGUN = moment(0, { state: 'submitted' });
const HEARD = moment(200, { heard: true });
const TAKEN = moment(8_000, { executor: 'b', epoch: 2 });
const OVER = moment(9_000, { executor: null, epoch: 2, isOver: true, state: 'completed', messages: [] });
const KILL: Outage = { what: 'kill', from: 150, to: 160, hidesSigns: true, pid: 1 };

interface Case {
  readonly moments?: readonly Moment[];
  readonly waited?: readonly Omit<Waited, 'run' | 'frame'>[];
  readonly outages?: readonly Outage[];
  readonly once?: boolean;
}

function judging({ moments = [BEGUN], waited = [{ at: 0, key: KEY, handle: STEP }], outages = [KILL], once }: Case) {
  const testimony: Testimony = {
    tasks: new Map([
      [STEP, moments],
      [RUN, moments.map((one) => ({ ...one, parent: null, messages: [] }))],
    ]),
    waited: waited.map((one) => ({ run: RUN, frame: '#1/0', ...one })),
    executors: new Map([
      ['a', 'one/1'],
      ['b', 'two/2'],
    ]),
    pauses: [],
  };
  return new Resends(testimony, outages, new Set(once ? ['t.'] : []));
}

const sent = (one: Case, ...ats: number[]) =>
  judging(one).judgeMessages(ats.map((at) => ({ messageId: 'm', text: 't.', at: new Date(at).toISOString() })));
const asked = (one: Case, ...ats: number[]) =>
  judging(one).judgeRequests(ats.map((at) => ({ key: RUN + KEY, text: 't.', at })));

test('a message is sent once, and again when its owner died before the agent gave a sign of life', () => {
  expect(sent({}, 100)).toEqual([]);
  expect(sent({ moments: [BEGUN, TAKEN, OVER] }, 100, 8_100)).toEqual([]);
});

test.each<[string, Case, number[]]>([
  ['though nobody had taken it over', {}, [100, 200]],
  ['though nothing had happened to one/1', { moments: [BEGUN, TAKEN], outages: [] }, [100, 8_100]],
  ['though nothing had happened to one/1', { moments: [BEGUN, TAKEN], outages: [{ ...KILL, pid: 2 }] }, [100, 8_100]],
  ['after its first sign of life', { moments: [BEGUN, HEARD, { ...TAKEN, heard: true }] }, [100, 8_100]],
  ['after what came of it was recorded', { moments: [BEGUN, TAKEN, OVER] }, [100, 9_100]],
  ['which was forbidden', { moments: [BEGUN, TAKEN], once: true }, [100, 8_100]],
  ['no task was to say that', { moments: [moment(0, { messages: ['other'] })] }, [100]],
  ['before it was stored', { moments: [moment(300)] }, [100]],
])('a message that is sent again %s is found', (why, one, ats) => {
  expect(sent(one, ...ats)).toEqual([expect.stringContaining(why)]);
});

test('a request is made once, and again when its owner died before its outcome was stored', () => {
  expect(asked({}, 100)).toEqual([]);
  expect(asked({ moments: [BEGUN, TAKEN] }, 100, 8_100)).toEqual([]);
});

test.each<[string, Case, number[]]>([
  ['though nobody had taken it over', {}, [100, 200]],
  ['though nothing had happened to one/1', { moments: [BEGUN, TAKEN], outages: [] }, [100, 8_100]],
  ['which was forbidden', { moments: [BEGUN, TAKEN], once: true }, [100, 8_100]],
  [
    'after its outcome was recorded',
    {
      moments: [BEGUN, TAKEN],
      waited: [
        { at: 0, key: KEY, handle: null },
        { at: 200, key: '#1/0#4', handle: null },
      ],
    },
    [100, 8_100],
  ],
])('a request that is made again %s is found', (why, one, ats) => {
  expect(asked(one, ...ats)).toEqual([expect.stringContaining(why)]);
});

test('an execution of a task that is handed out twice is found, and a task that says more than it was asked for', () => {
  expect(judging({}).judgeExecutions()).toEqual([]);
  const twice = [
    { at: 0, key: KEY, handle: STEP },
    { at: 1, key: KEY, handle: RUN },
  ];
  expect(judging({ waited: twice }).judgeExecutions()).toEqual([expect.stringContaining('was handed out 2 times')]);
  const more = { moments: [BEGUN, moment(1, { messages: ['m', 'n'] })] };
  expect(judging(more).judgeExecutions()).toEqual([expect.stringContaining('had more to say')]);
  const question = moment(1, { state: 'input-required', messages: [] });
  expect(judging({ moments: [BEGUN, question, moment(2, { messages: ['n'] })] }).judgeExecutions()).toEqual([]);
});
