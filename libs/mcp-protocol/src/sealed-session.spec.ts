import { KeyRing } from '@app/secrets';
import { expect, test } from 'vitest';
import { DEFAULT_LIMITS } from './limits.js';
import { SealedSessions } from './sealed-session.js';

const ALICE = { id: 'alice', keyId: 'k' };
const ring = new KeyRing([`k1:${Buffer.alloc(32).toString('base64')}`]);
const newSessions = (limits = {}) => new SealedSessions(ring, { ...DEFAULT_LIMITS, ...limits });

test('a session opens on every replica with what was agreed', () => {
  const [here, there] = [newSessions(), newSessions()];
  const session = here.start(ALICE, '2025-06-18', { roots: { listChanged: true } });
  expect(there.open(here.seal(session), ALICE)).toEqual(session);
  expect(session).toMatchObject({ version: '2025-06-18', capabilities: { roots: {} } });
});

test('log levels and subscriptions are remembered for a bounded number of sessions', () => {
  const sessions = newSessions({ rememberedSessions: 2 });
  const [first, second, third] = [1, 2, 3].map(() => sessions.start(ALICE, '2025-06-18', {}));
  for (const session of [first!, second!, third!]) {
    sessions.setLogLevel(session, 'error');
    sessions.subscribe(session, 'test://a');
  }
  expect([first!, second!, third!].map((session) => sessions.logLevel(session))).toEqual([undefined, 'error', 'error']);
  expect(sessions.isSubscribed(first!, 'test://a')).toBe(false);
  expect(sessions.isSubscribed(third!, 'test://a')).toBe(true);
});

test('a session that is no longer remembered as verified is verified again', () => {
  const sessions = newSessions({ verifiedSessions: 1 });
  const tokens = [1, 2].map(() => sessions.seal(sessions.start(ALICE, '2025-06-18', {})));
  for (const token of [...tokens, ...tokens]) expect(sessions.open(token, ALICE)).toBeDefined();
});
