import type { DemoAgent } from './agent.js';
import { type Behaviour, durationOf, pause, status, text } from './steps.js';

const STANDARD_MS = 120_000;
/** A sign of life at least this often. */
const SIGN_OF_LIFE_MS = 5_000;
const FEWEST_STEPS = 4;

/** Works for minutes, tells how far it is, and can be followed or cancelled by its task id. */
const runLong: Behaviour = function* (heard) {
  const total = durationOf(heard, STANDARD_MS);
  const steps = Math.max(FEWEST_STEPS, Math.ceil(total / SIGN_OF_LIFE_MS));
  yield status('working', `Started; this takes ${readable(total)}`);
  for (let step = 1; step <= steps; step += 1) {
    yield pause(total / steps);
    yield status('working', `Step ${step} of ${steps}`);
  }
  yield {
    kind: 'artifact',
    artifact: { artifactId: 'result', name: 'Result', parts: text(`Worked for ${readable(total)} in ${steps} steps.`) },
    lastChunk: true,
  };
  yield status('completed');
};

const readable = (ms: number): string => (ms < 1_000 ? `${ms} ms` : `${Math.round(ms / 100) / 10} s`);

export const longRunner: DemoAgent = {
  name: 'Long runner',
  description:
    'Works for two minutes, or as long as it is told ("for 30 s", "for 10 min"), tells how far it is, and can be followed and ' +
    'cancelled by its task id.',
  skills: [
    {
      id: 'run',
      name: 'Run for a while',
      description: 'Takes its time and reports every step.',
      tags: ['demo', 'long-running'],
      examples: ['Rebuild the index', 'Rebuild the index for 30 s'],
    },
  ],
  inputModes: ['text/plain', 'application/json'],
  outputModes: ['text/plain'],
  behave: runLong,
};
