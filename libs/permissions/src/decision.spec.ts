import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PERMISSIONS, type Role, ROLES } from '@app/core';
import { decide, mayAnywhere } from './decision.js';
import type { Grant, Resource, Selector } from './grant.js';

const NOW = new Date('2026-03-02T12:00:00Z'); // a Monday
const grant = (given: Partial<Grant>): Grant => ({
  id: '1',
  effect: 'allow',
  actions: ['agents:call'],
  resources: [{ agent: 'a' }],
  timeRange: null,
  expiresAt: null,
  delegable: false,
  ...given,
});
const AGENT: Resource = { agent: 'a', tags: ['blue'], category: 'demo' };
const SKILL: Resource = { ...AGENT, skill: 's' };
const OTHER: Resource = { agent: 'b', tags: [], category: 'demo' };
const deny = (given: Partial<Grant> = {}) => grant({ id: '2', effect: 'deny', ...given });
const allowed = (roles: Role[], grants: Grant[], action: (typeof PERMISSIONS)[number], resource?: Resource) =>
  decide(roles, grants, action, resource, NOW).allowed;

describe('one question', () => {
  test.each<[string, Role[], Grant[], (typeof PERMISSIONS)[number], Resource | undefined, boolean]>([
    ['nothing without a grant', ['user'], [], 'agents:call', AGENT, false],
    ['a grant for the agent', ['user'], [grant({})], 'agents:call', AGENT, true],
    ['… holds for its skills', ['user'], [grant({})], 'agents:call', SKILL, true],
    ['… and for no other agent', ['user'], [grant({})], 'agents:call', OTHER, false],
    ['calling implies reading', ['user'], [grant({})], 'agents:read', AGENT, true],
    ['reading does not imply calling', ['user'], [grant({ actions: ['agents:read'] })], 'agents:call', AGENT, false],
    ['a skill', ['user'], [grant({ resources: [{ agent: 'a', skill: 's' }] })], 'agents:call', SKILL, true],
    ['… is not the agent', ['user'], [grant({ resources: [{ agent: 'a', skill: 's' }] })], 'agents:call', AGENT, false],
    ['… but shows it', ['user'], [grant({ resources: [{ agent: 'a', skill: 's' }] })], 'agents:read', AGENT, true],
    ['a tag', ['user'], [grant({ resources: [{ tag: 'blue' }] })], 'agents:call', AGENT, true],
    ['another tag', ['user'], [grant({ resources: [{ tag: 'red' }] })], 'agents:call', AGENT, false],
    [
      'tag and category, both',
      ['user'],
      [grant({ resources: [{ tag: 'blue', category: 'x' }] })],
      'agents:call',
      AGENT,
      false,
    ],
    [
      'one of two',
      ['user'],
      [grant({ resources: [{ tag: 'red' }, { category: 'demo' }] })],
      'agents:call',
      AGENT,
      true,
    ],
    ['everything', ['user'], [grant({ resources: [{}] })], 'agents:call', OTHER, true],
    ['deny wins over a grant', ['user'], [grant({}), deny()], 'agents:call', AGENT, false],
    ['deny wins over a role', ['admin'], [deny()], 'agents:call', AGENT, false],
    ['… for that agent only', ['admin'], [deny()], 'agents:call', OTHER, true],
    [
      'who may not see it may not call it',
      ['admin'],
      [deny({ actions: ['agents:read'] })],
      'agents:call',
      AGENT,
      false,
    ],
    ['who may not call it may see it', ['admin'], [deny()], 'agents:read', AGENT, true],
    [
      'a denied skill denies the agent as a whole',
      ['admin'],
      [deny({ resources: [{ skill: 's' }] })],
      'agents:call',
      AGENT,
      false,
    ],
    [
      '… not its other skills',
      ['admin'],
      [deny({ resources: [{ skill: 's' }] })],
      'agents:call',
      { ...AGENT, skill: 't' },
      true,
    ],
    ['… nor seeing it', ['admin'], [deny({ resources: [{ skill: 's', agent: 'a' }] })], 'agents:read', AGENT, true],
    ['expired', ['user'], [grant({ expiresAt: NOW })], 'agents:call', AGENT, false],
    ['an expired deny', ['admin'], [deny({ expiresAt: NOW })], 'agents:call', AGENT, true],
    [
      'in its hours',
      ['user'],
      [grant({ timeRange: { from: '08:00', to: '18:00', timeZone: 'UTC', days: [1] } })],
      'agents:call',
      AGENT,
      true,
    ],
    [
      'on another day',
      ['user'],
      [grant({ timeRange: { from: '08:00', to: '18:00', timeZone: 'UTC', days: [2] } })],
      'agents:call',
      AGENT,
      false,
    ],
    ['a viewer sees', ['viewer'], [], 'agents:read', AGENT, true],
    ['… and does not call', ['viewer'], [], 'agents:call', AGENT, false],
    ['an auditor does not write', ['auditor'], [], 'agents:write', AGENT, false],
    ['not about one thing', ['admin'], [], 'keys:write', undefined, true],
    ['a grant of it', ['user'], [grant({ actions: ['keys:read'], resources: [{}] })], 'keys:read', undefined, true],
    [
      'a grant for an agent gives nothing of it',
      ['user'],
      [grant({ actions: ['keys:read'] })],
      'keys:read',
      undefined,
      false,
    ],
    [
      'a workflow',
      ['user'],
      [grant({ resources: [{ workflow: 'w' }] })],
      'agents:call',
      { workflow: 'w', tags: [] },
      true,
    ],
  ])('%s', (_, roles, grants, action, resource, expected) => {
    expect(allowed(roles, grants, action, resource)).toBe(expected);
  });

  test('tells which grants and roles decided', () => {
    const no = decide(['admin'], [grant({}), deny()], 'agents:call', AGENT, NOW);
    expect(no.grants.map(({ id }) => id)).toEqual(['2']);
    const yes = decide(['admin', 'viewer'], [grant({})], 'agents:call', AGENT, NOW);
    expect([yes.grants.map(({ id }) => id), yes.roles]).toEqual([['1'], ['admin']]);
  });
});

const anyOf = <T extends string>(...values: T[]) => fc.constantFrom(...values);
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const selectors: fc.Arbitrary<Selector> = fc
  .record({
    agent: maybe(anyOf('a', 'b')),
    skill: maybe(anyOf('s', 't')),
    tag: maybe(anyOf('blue', 'red')),
    category: maybe(anyOf('demo', 'x')),
  })
  .map((fields) => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)));
const grants: fc.Arbitrary<Grant> = fc.record({
  id: fc.nat(99).map(String),
  effect: anyOf('allow', 'deny'),
  actions: fc.subarray([...PERMISSIONS], { minLength: 1, maxLength: 4 }),
  resources: fc.array(selectors, { minLength: 1, maxLength: 3 }),
  timeRange: maybe(
    fc.record({
      from: anyOf('00:00', '11:00', '13:00'),
      to: anyOf('02:00', '12:30', '23:00'),
      timeZone: fc.constant('UTC'),
    }),
  ).map((range) => range ?? null),
  expiresAt: fc.constantFrom(null, new Date(0), new Date('2100-01-01')),
  delegable: fc.boolean(),
});
const resources: fc.Arbitrary<Resource | undefined> = maybe(
  fc.record({
    agent: anyOf('a', 'b', 'c'),
    skill: maybe(anyOf('s', 't')),
    tags: fc.subarray(['blue', 'red']),
    category: anyOf('demo', 'x'),
  }),
);
const questions = fc.record({
  roles: fc.subarray([...ROLES], { maxLength: 2 }),
  grants: fc.array(grants, { maxLength: 6 }),
  action: fc.constantFrom(...PERMISSIONS),
  resource: resources,
});

describe('every question', () => {
  /** The smallest case in which it does not hold. */
  const exception = <T>(property: fc.IProperty<T>) => fc.check(property, { numRuns: 3_000 }).counterexample;

  test('another deny never allows, another allow never denies', () => {
    expect(
      exception(
        fc.property(questions, grants, ({ roles, grants: given, action, resource }, more) => {
          const before = allowed(roles, given, action, resource);
          const after = allowed(roles, [...given, more], action, resource);
          return more.effect === 'deny' ? before || !after : !before || after;
        }),
      ),
    ).toBeNull();
  });

  test('the order of grants does not matter', () => {
    expect(
      exception(
        fc.property(
          questions,
          ({ roles, grants: given, action, resource }) =>
            allowed(roles, given, action, resource) === allowed(roles, given.toReversed(), action, resource),
        ),
      ),
    ).toBeNull();
  });

  test('without a role, nothing is allowed that no grant allows', () => {
    expect(
      exception(
        fc.property(
          questions,
          ({ grants: given, action, resource }) =>
            !allowed(
              [],
              given.filter(({ effect }) => effect === 'deny'),
              action,
              resource,
            ),
        ),
      ),
    ).toBeNull();
  });

  test('who may call or change something may see it', () => {
    expect(
      exception(
        fc.property(
          questions,
          anyOf('agents:call', 'agents:write'),
          ({ roles, grants: given, resource }, action) =>
            !allowed(roles, given, action, resource) || allowed(roles, given, 'agents:read', resource),
        ),
      ),
    ).toBeNull();
  });

  test('who may use an agent as a whole may use each skill', () => {
    expect(
      exception(
        fc.property(
          questions,
          ({ roles, grants: given, resource }) =>
            resource === undefined ||
            !allowed(roles, given, 'agents:call', { ...resource, skill: undefined }) ||
            allowed(roles, given, 'agents:call', { ...resource, skill: 's' }),
        ),
      ),
    ).toBeNull();
  });

  test('what is allowed with one thing may be allowed somewhere', () => {
    expect(
      exception(
        fc.property(
          questions,
          ({ roles, grants: given, action, resource }) =>
            resource === undefined ||
            !action.startsWith('agents:') ||
            !allowed(roles, given, action, resource) ||
            mayAnywhere(roles, given, action, NOW),
        ),
      ),
    ).toBeNull();
  });
});
