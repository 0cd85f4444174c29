import type { DemoAgent } from './agent.js';
import { asker } from './asker.js';
import { echo } from './echo.js';
import { files } from './files.js';
import { flaky } from './flaky.js';
import { researcher } from './researcher.js';
import type { Behaviour } from './steps.js';

/** Does what the first word says; an answer to a question always goes to whoever asked. */
const byFirstWord: Behaviour = (heard) => {
  if (heard.answering) return asker.behave(heard);
  return (MOVES.find(([word]) => word.test(heard.text))?.[1] ?? echo).behave(heard);
};

const MOVES: readonly (readonly [RegExp, DemoAgent])[] = [
  [/^ask\b/i, asker],
  [/^research\b/i, researcher],
  [/^files?\b/i, files],
  [/^try\b/i, flaky],
];

export const legacy: DemoAgent = {
  name: 'Legacy',
  description:
    'Speaks A2A 0.3 only, as most agents do today. Says back what it is told, and can ask, research and hand out files.',
  skills: [
    ...echo.skills,
    {
      id: 'ask',
      name: 'Ask back',
      description: 'Asks a question before it finishes.',
      tags: ['demo', 'question'],
      examples: ['ask me for a colour'],
    },
    {
      id: 'research',
      name: 'Research a question',
      description: 'Streams progress and a report.',
      tags: ['demo', 'research', 'streaming'],
      examples: ['research the history of tea in 2s'],
    },
    {
      id: 'files',
      name: 'Hand out files',
      description: 'Returns files of each kind, or of the kinds that the message names.',
      tags: ['demo', 'files'],
      examples: ['files, only the image'],
    },
  ],
  inputModes: ['text/plain', 'application/json', 'image/png', 'application/octet-stream'],
  outputModes: ['text/plain', 'application/json', 'image/png', 'audio/wav', 'text/csv'],
  behave: byFirstWord,
  faulty: true,
  remembers: 1_000,
};
