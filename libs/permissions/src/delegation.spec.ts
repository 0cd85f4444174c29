import { expect, test } from 'vitest';
import { covers, type Wanted } from './delegation.js';
import type { Grant } from './grant.js';

const LATER = new Date('2100-01-01');
const held: Grant = {
  id: '1',
  effect: 'allow',
  actions: ['agents:call'],
  resources: [{ agent: 'a' }, { tag: 'blue', category: 'x' }],
  timeRange: null,
  expiresAt: null,
  delegable: true,
};
const wanted: Wanted = {
  effect: 'allow',
  actions: ['agents:call'],
  resources: [{ agent: 'a' }],
  timeRange: null,
  expiresAt: null,
};
const HOURS = { from: '09:00', to: '17:00', timeZone: 'UTC' };

test.each<[string, Partial<Grant>, Partial<Wanted>, boolean]>([
  ['the same', {}, {}, true],
  ['not delegable', { delegable: false }, {}, false],
  ['a deny', {}, { effect: 'deny' }, false],
  ['what it implies', {}, { actions: ['agents:read'] }, true],
  ['another action', {}, { actions: ['agents:call', 'agents:write'] }, false],
  ['one skill', {}, { resources: [{ agent: 'a', skill: 's' }] }, true],
  ['another agent', {}, { resources: [{ agent: 'b' }] }, false],
  ['one of two is more', {}, { resources: [{ agent: 'a' }, { tag: 'blue' }] }, false],
  ['everything', {}, { resources: [{}] }, false],
  ['everything of everything', { resources: [{}] }, { resources: [{ agent: 'b' }] }, true],
  ['longer', { expiresAt: new Date('2099-01-01') }, { expiresAt: LATER }, false],
  ['for ever', { expiresAt: LATER }, {}, false],
  ['as long', { expiresAt: LATER }, { expiresAt: LATER }, true],
  ['shorter', {}, { expiresAt: LATER }, true],
  ['in fewer hours', {}, { timeRange: HOURS }, true],
  ['in more hours', { timeRange: HOURS }, {}, false],
  ['in the same hours', { timeRange: HOURS }, { timeRange: HOURS }, true],
])('%s', (_, mine, theirs, expected) => {
  expect(covers({ ...held, ...mine }, { ...wanted, ...theirs })).toBe(expected);
});
