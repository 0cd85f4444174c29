import type { DemoAgent } from './agent.js';
import { type Behaviour, durationOf, pause, status, type Step, text } from './steps.js';

const AFTER_DISCONNECT_MS = 1_000;
const SILENCE_MS = 600_000;

/** Goes wrong within A2A as the message says; what goes wrong below it is in `faults.ts`. */
const goWrong: Behaviour = function* (heard) {
  yield status('working', 'Trying');
  const trouble = TROUBLES.find(([word]) => word.test(heard.text));
  if (trouble !== undefined) return yield trouble[1];
  if (/\bstall\b/i.test(heard.text)) yield pause(durationOf(heard, SILENCE_MS));
  if (/\bdisconnect\b/i.test(heard.text)) yield pause(durationOf(heard, AFTER_DISCONNECT_MS));
  yield {
    kind: 'artifact',
    artifact: { artifactId: 'result', name: 'Result', parts: text('Nothing went wrong this time.') },
    lastChunk: true,
  };
  return yield status('completed');
};

const TROUBLES: readonly (readonly [RegExp, Step])[] = [
  [/\bfail\b/i, status('failed', 'The database of this agent is on fire.')],
  [/\breject\b/i, status('rejected', 'This agent does not do such things.')],
  [/\bcancel\b/i, status('canceled', 'This agent changed its mind.')],
];

export const flaky: DemoAgent = {
  name: 'Flaky',
  description:
    'Goes wrong on demand: say "fail", "reject", "cancel", "stall", "disconnect", "hang", "garbage", "rpc error" or "http 503".',
  skills: [
    {
      id: 'try',
      name: 'Try something',
      description: 'Succeeds unless the message names a way to go wrong.',
      tags: ['demo', 'failure'],
      examples: ['Please fail', 'http 503', 'disconnect'],
    },
  ],
  inputModes: ['text/plain'],
  outputModes: ['text/plain'],
  behave: goWrong,
  faulty: true,
};
