import type { DemoAgent } from './agent.js';
import { describe } from './echo.js';
import { picture, tone } from './media.js';
import { type Behaviour, type Heard, type Part, status, type Step, text } from './steps.js';

const MIB = 1_048_576;
const LARGEST = 64 * MIB;

/** Hands out files of each kind; when it is given files, it says what they are. */
const handOut: Behaviour = function* (heard) {
  const received = heard.parts.filter((part) => part.text === undefined);
  if (received.length > 0) yield artifact('received', 'Received', text(received.map(describe).join('\n')));
  const named = KINDS.filter(({ word }) => word.test(heard.text));
  const wanted = named.length > 0 ? named : KINDS.filter(({ onlyWhenNamed }) => onlyWhenNamed !== true);
  for (const { id, name, make } of wanted) yield artifact(id, name, [make(heard)]);
  yield status('completed', 'Here you are.');
};

const artifact = (artifactId: string, name: string, parts: readonly Part[]): Step => ({
  kind: 'artifact',
  artifact: { artifactId, name, parts },
  lastChunk: true,
});

interface Kind {
  readonly id: string;
  readonly name: string;
  readonly word: RegExp;
  readonly onlyWhenNamed?: boolean;
  readonly make: (heard: Heard) => Part;
}

const KINDS: readonly Kind[] = [
  {
    id: 'image',
    name: 'Picture',
    word: /\b(?:image|picture)\b/i,
    make: () => ({ raw: picture().toString('base64'), filename: 'gradient.png', mediaType: 'image/png' }),
  },
  {
    id: 'json',
    name: 'Measurements',
    word: /\bjson\b/i,
    make: () => ({ data: { unit: 'cm', values: [12, 15, 9], complete: true }, mediaType: 'application/json' }),
  },
  {
    id: 'audio',
    name: 'Sound',
    word: /\b(?:audio|sound)\b/i,
    make: () => ({ raw: tone().toString('base64'), filename: 'tone.wav', mediaType: 'audio/wav' }),
  },
  {
    id: 'file',
    name: 'Table',
    word: /\b(?:csv|table)\b/i,
    make: () => ({
      raw: Buffer.from('day,cm\n1,12\n2,15\n3,9\n').toString('base64'),
      filename: 'measurements.csv',
      mediaType: 'text/csv',
    }),
  },
  {
    id: 'link',
    name: 'Link',
    word: /\b(?:url|link)\b/i,
    make: () => ({
      url: 'https://example.com/demo/report.pdf',
      filename: 'report.pdf',
      mediaType: 'application/pdf',
    }),
  },
  {
    id: 'big',
    name: 'Big file',
    word: /\bbig\b/i,
    onlyWhenNamed: true,
    make: ({ text: words }) => ({
      raw: Buffer.alloc(sizeOf(words), 'demo').toString('base64'),
      filename: 'big.bin',
      mediaType: 'application/octet-stream',
    }),
  },
];

/** "big 3 MiB" or "big 200 KiB"; 1 MiB when no size is named. */
function sizeOf(words: string): number {
  const match = /(\d+) ?([km])i?b\b/i.exec(words);
  if (match === null) return MIB;
  return Math.min(Number(match[1]) * (match[2]?.toLowerCase() === 'k' ? 1_024 : MIB), LARGEST);
}

export const files: DemoAgent = {
  name: 'Files',
  description:
    'Hands out a picture, JSON, a sound, a table and a link, or a big file of the size you name, and tells what files you gave it.',
  skills: [
    {
      id: 'hand-out',
      name: 'Hand out files',
      description: 'Returns files of each kind, or of the kinds that the message names.',
      tags: ['demo', 'files'],
      examples: ['Everything you have', 'Only the image, please', 'A big file of 3 MiB'],
    },
  ],
  inputModes: ['text/plain', 'application/json', 'image/png', 'image/jpeg', 'audio/wav', 'application/octet-stream'],
  outputModes: ['text/plain', 'application/json', 'image/png', 'audio/wav', 'text/csv', 'application/octet-stream'],
  behave: handOut,
  // Big files add up.
  remembers: 64,
};
