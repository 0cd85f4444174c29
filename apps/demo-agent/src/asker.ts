import type { DemoAgent } from './agent.js';
import { type Behaviour, durationOf, pause, status, text } from './steps.js';

const CREDENTIAL_MS = 500;

/** Asks back before it does anything; words in the message choose how. */
const ask: Behaviour = function* (heard) {
  if (/\bagain\b/i.test(heard.text)) return yield status('input-required', 'And which colour after that?');
  if (heard.answering) return yield* finish(`You chose: ${heard.text}`);
  if (/\bwithout a question\b/i.test(heard.text)) return yield* endTurn();
  if (/\bauthor?i[sz]e and wait\b/i.test(heard.text)) {
    yield status('auth-required', AUTHORIZE);
    yield pause(durationOf(heard, CREDENTIAL_MS));
    return yield* finish('Thank you, you are signed in.');
  }
  if (/\bauthor?i[sz]e\b/i.test(heard.text)) return yield status('auth-required', AUTHORIZE);
  yield status('working', 'Thinking about what is missing');
  return yield status('input-required', 'Which colour do you want?');
};

const AUTHORIZE = 'Please sign in at https://example.com/authorize?demo=1 and come back.';

function* finish(answer: string) {
  yield {
    kind: 'artifact' as const,
    artifact: { artifactId: 'answer', name: 'Answer', parts: text(answer) },
    lastChunk: true,
  };
  yield status('completed');
}

/** Some agents (gemini-cli) answer in a status message and leave every turn open, with no question asked. */
function* endTurn() {
  yield status('working', 'The sky is blue.');
  yield status('input-required');
}

export const asker: DemoAgent = {
  name: 'Asker',
  description:
    'Asks which colour you want and completes with your answer. Say "without a question" or "authorize" for its other ways to wait.',
  skills: [
    {
      id: 'choose',
      name: 'Choose a colour',
      description: 'Needs one answer from you before it can finish.',
      tags: ['demo', 'question'],
      examples: ['Paint the shed', 'Tell me about the sky without a question', 'Authorize me first'],
    },
  ],
  inputModes: ['text/plain', 'application/json'],
  outputModes: ['text/plain'],
  behave: ask,
};
