import { createHmac } from 'node:crypto';
import { afterEach, expect, test, vi } from 'vitest';
import { hashKey, KeyRing } from './key-ring.js';

const K1 = `k1:${Buffer.alloc(32, 1).toString('base64')}`;
const K2 = `k2:${Buffer.alloc(32, 2).toString('base64')}`;
const HOUR = 3_600_000;

afterEach(() => vi.useRealTimers());

test('a sealed payload opens for its purpose only', () => {
  const ring = new KeyRing([K1]);
  const payload = { principal: 'key:1', nested: [{ text: 'ä"\u2028' }], exp: 'ours' };
  const token = ring.seal('session', payload, HOUR);
  expect(token).toMatch(/^k1\.[\w-]+\.[\w-]{43}$/);
  expect(ring.open('session', token)).toEqual(payload);
  expect(ring.open('request-state', token)).toBeUndefined();
});

test('a token opens until it expires and no longer', () => {
  vi.useFakeTimers();
  const ring = new KeyRing([K1]);
  const token = ring.seal('session', {}, 1_000);
  vi.advanceTimersByTime(999);
  expect(ring.open('session', token)).toEqual({});
  vi.advanceTimersByTime(1);
  expect(ring.open('session', token)).toBeUndefined();
});

test('a token that was changed anywhere does not open', () => {
  const ring = new KeyRing([K1]);
  const token = ring.seal('session', { principal: 'key:1' }, HOUR);
  for (let i = 0; i < token.length; i++) {
    const other = token[i] === 'A' ? 'B' : 'A';
    expect(ring.open('session', token.slice(0, i) + other + token.slice(i + 1))).toBeUndefined();
    expect(ring.open('session', token.slice(0, i))).toBeUndefined();
  }
});

test('nothing that is not a token throws', () => {
  const ring = new KeyRing([K1]);
  const mac = createHmac('sha256', 'guess').update('k1.e30').digest('base64url');
  for (const text of [
    '',
    '.',
    '..',
    '...',
    'k1',
    'k1.',
    'k1..',
    'k1.e30',
    `k1.e30.${mac}`,
    'k9.e30.x',
    'ÿ.ÿ.ÿ',
    '\ud800',
  ])
    expect(ring.open('session', text)).toBeUndefined();
  expect(ring.open('session', `k1.${'A'.repeat(1_000_000)}.${mac}`)).toBeUndefined();
});

test('after a rotation what the old key made still opens, until that key is dropped', () => {
  const before = new KeyRing([K1]);
  const token = before.seal('session', { n: 1 }, HOUR);
  const text = before.encrypt('credentials', 'secret');

  const during = new KeyRing([K2, K1]);
  expect(during.open('session', token)).toEqual({ n: 1 });
  expect(during.decrypt('credentials', text)).toBe('secret');
  expect(during.seal('session', {}, HOUR)).toMatch(/^k2\./);
  expect(during.encrypt('credentials', 'secret')).toMatch(/^v1\.k2\./);

  const after = new KeyRing([K2]);
  expect(after.open('session', token)).toBeUndefined();
  expect(() => after.decrypt('credentials', text)).toThrow('SECRET_KEYS has no key "k1"');
});

test('another key under the same id opens nothing', () => {
  const ring = new KeyRing([K1]);
  const other = new KeyRing([K2.replace('k2', 'k1')]);
  expect(other.open('session', ring.seal('session', {}, HOUR))).toBeUndefined();
  expect(() => other.decrypt('credentials', ring.encrypt('credentials', 'x'))).toThrow('key "k1"');
});

test('what is encrypted comes back, differs every time, and opens for its purpose only', () => {
  const ring = new KeyRing([K1]);
  for (const plaintext of ['', 'secret', 'ä€😀', 'x'.repeat(100_000)])
    expect(ring.decrypt('credentials', ring.encrypt('credentials', plaintext))).toBe(plaintext);
  const text = ring.encrypt('credentials', 'secret');
  expect(text).not.toBe(ring.encrypt('credentials', 'secret'));
  expect(() => ring.decrypt('headers', text)).toThrow('headers does not open');
});

test('an encrypted text that was changed or cut is refused', () => {
  const ring = new KeyRing([K1]);
  const text = ring.encrypt('credentials', 'secret');
  const [format, id, nonce, sealed = ''] = text.split('.');
  const flipped = Buffer.from(sealed, 'base64url');
  flipped[0] = (flipped[0] ?? 0) ^ 1;
  const altered = [
    [format, id, nonce, flipped.toString('base64url')],
    [format, id, 'AAAAAAAAAAAAAAAA', sealed],
    [format, id, nonce, sealed.slice(0, 8)],
    [format, id, '', sealed],
    [format, id],
    ['v2', id, nonce, sealed],
    [''],
  ];
  for (const parts of altered) expect(() => ring.decrypt('credentials', parts.join('.'))).toThrow('credentials');
});

test('a ring that is empty, malformed or ambiguous is refused without showing a key', () => {
  expect(() => new KeyRing([])).toThrow('empty');
  expect(() => new KeyRing([K1, K1])).toThrow('"k1" stands twice');
  for (const entry of ['', 'k1', 'k1:', 'k1:c2hvcnQ=', `a.b:${K1.slice(3)}`, K1.slice(3)])
    expect(() => new KeyRing([entry])).toThrow(/^Key "(k1|\?)" of the key ring is not kid:key/);
});

test('a key is hashed to its SHA-256 in hex', () => {
  expect(hashKey('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});
