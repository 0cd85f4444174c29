import type { DemoAgent } from './agent.js';
import { type Behaviour, type Heard, type Part, text } from './steps.js';

const DIRECT = /^message:\s*/i;

/** One completed task with one artifact; a text that starts with "message:" gets a direct answer without a task. */
const repeat: Behaviour = function* (heard) {
  if (DIRECT.test(heard.text)) {
    yield { kind: 'message', parts: text(heard.text.replace(DIRECT, '')) };
    return;
  }
  yield { kind: 'task', state: 'completed', artifacts: [{ artifactId: 'echo', name: 'Echo', parts: saidBack(heard) }] };
};

function saidBack(heard: Heard): Part[] {
  return heard.parts.map((part) => (part.text === undefined ? { text: describe(part) } : { text: part.text }));
}

/** What came in, in a few words: people want to see that a file arrived, not the file. */
export function describe(part: Part): string {
  if (part.text !== undefined) return part.text;
  if (part.data !== undefined) return `data: ${JSON.stringify(part.data)}`;
  const type = part.mediaType ?? 'unknown type';
  if (part.url !== undefined) return `link: ${part.filename ?? part.url} (${type}) at ${part.url}`;
  return `file: ${part.filename ?? 'unnamed'} (${type}, ${Buffer.byteLength(part.raw ?? '', 'base64')} bytes)`;
}

export const echo: DemoAgent = {
  name: 'Echo',
  description: 'Says back what it is told, and describes the data and files that came along. Good for a first try.',
  skills: [
    {
      id: 'echo',
      name: 'Say it back',
      description: 'Repeats the message; data and files are described.',
      tags: ['demo', 'echo'],
      examples: ['Hello, is anybody there?', 'message: answer me without opening a task'],
    },
  ],
  inputModes: ['text/plain', 'application/json', 'image/png', 'application/octet-stream'],
  outputModes: ['text/plain'],
  behave: repeat,
};

export const guarded: DemoAgent = {
  ...echo,
  name: 'Guarded',
  description: 'Says back what it is told, but only to those who show the demo key `let-me-in`.',
  guarded: true,
};
