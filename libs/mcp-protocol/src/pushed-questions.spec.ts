import { expect, test } from 'vitest';
import { PushedQuestions } from './pushed-questions.js';

const QUESTION = { method: 'roots/list' } as const;

test('an answer counts only from the principal and the session that were asked', async () => {
  const questions = new PushedQuestions('r1', 1000);
  const sent: unknown[] = [];
  const { signal } = new AbortController();
  const alice = { principal: { id: 'alice', keyId: 'k' }, sessionId: 's', signal };
  const answer = questions.ask({ ...alice, send: (message) => void sent.push(message) }, QUESTION);
  expect(sent).toMatchObject([{ id: 'r1:1', method: 'roots/list' }]);
  const roots = (uri: string) => ({ id: 'r1:1', result: { roots: [uri] } });
  questions.accept({ ...roots('of bob'), principalId: 'bob', sessionId: 's' });
  questions.accept({ ...roots('of another session'), principalId: 'alice', sessionId: 't' });
  questions.accept({ ...roots('of another replica'), id: 'r2:1', principalId: 'alice', sessionId: 's' });
  questions.accept({ ...roots('of alice'), principalId: 'alice', sessionId: 's' });
  expect(await answer).toEqual({ roots: ['of alice'] });
  expect(questions.size).toBe(0);
});
