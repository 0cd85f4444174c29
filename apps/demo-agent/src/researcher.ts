import type { DemoAgent } from './agent.js';
import { type Behaviour, durationOf, type Heard, pause, status } from './steps.js';

const STANDARD_MS = 4_000;
const STAGES = ['Looking for sources', 'Reading', 'Comparing what they say', 'Writing it up'] as const;

/** Tells what it is doing and writes its report piece by piece. */
const research: Behaviour = function* (heard) {
  const rest = durationOf(heard, STANDARD_MS) / STAGES.length;
  yield status('working', 'Planning the research');
  for (const [index, stage] of STAGES.entries()) {
    yield pause(rest);
    yield status('working', `${stage} (${index + 1} of ${STAGES.length})`);
    yield {
      kind: 'artifact',
      artifact: { artifactId: 'report', name: 'Report', parts: [{ text: paragraph(heard, index, stage) }] },
      append: index > 0,
      lastChunk: index === STAGES.length - 1,
    };
  }
  yield {
    kind: 'artifact',
    artifact: { artifactId: 'sources', name: 'Sources', parts: [{ data: SOURCES, mediaType: 'application/json' }] },
    lastChunk: true,
  };
  yield status('completed', 'The report is ready.');
};

function paragraph(heard: Heard, index: number, stage: string): string {
  const title = index === 0 ? `# ${heard.text.trim() || 'Nothing in particular'}\n\n` : '';
  return `${title}${index + 1}. ${stage}: done, nothing is made up because nothing was looked up.\n`;
}

const SOURCES = {
  sources: [
    { title: 'A2A protocol specification', url: 'https://a2a-protocol.org/latest/specification/' },
    { title: 'Model Context Protocol specification', url: 'https://modelcontextprotocol.io/specification/' },
  ],
};

export const researcher: DemoAgent = {
  name: 'Researcher',
  description:
    'Pretends to research a question for some seconds: tells what it is doing, streams a report in pieces and lists sources. ' +
    'Say "in 500ms" or "for 10 s" to choose how long.',
  skills: [
    {
      id: 'research',
      name: 'Research a question',
      description: 'Streams progress and a report on any question.',
      tags: ['demo', 'research', 'streaming'],
      examples: ['What is the Agent2Agent protocol?', 'Compare A2A and MCP in 2s'],
    },
    {
      id: 'summarize',
      name: 'Summarize sources',
      description: 'Streams a short summary of what is known about a subject, with its sources.',
      tags: ['demo', 'summary', 'streaming'],
      examples: ['Summarize what is known about tool calling'],
    },
  ],
  inputModes: ['text/plain', 'application/json'],
  outputModes: ['text/plain', 'application/json'],
  behave: research,
};
