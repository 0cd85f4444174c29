import { expect, test } from 'vitest';
import { readCard } from './card.js';

const modern = {
  name: 'Echo',
  description: 'Says it back',
  version: '2.1.0',
  supportedInterfaces: [
    { url: 'https://a.example/rpc', protocolBinding: 'JSONRPC', protocolVersion: '1.0', tenant: 'acme' },
    { url: 'https://a.example/rest', protocolBinding: 'HTTP+JSON', protocolVersion: '0.3.0' },
    { url: 'a.example:50051', protocolBinding: 'GRPC', protocolVersion: '1.0' },
  ],
  capabilities: { streaming: true },
  defaultInputModes: ['text/plain', 'image/png'],
  defaultOutputModes: ['application/json'],
  provider: { organization: 'Example Ltd', url: 'https://example.com' },
  documentationUrl: 'https://example.com/docs',
  iconUrl: 'javascript:alert(1)',
  skills: [
    { id: 'say', name: 'Say', description: 'Says', tags: ['a'], examples: ['say hi'], inputModes: ['text/plain'] },
    { name: 'only a name' },
    { id: 'say', name: 'The same again' },
    'no skill at all',
  ],
};

const legacy = { name: 'Old', url: 'https://a.example/', version: '1', capabilities: {}, skills: [] };

test('a 1.0 card is read with its interfaces in order, and what is off in a skill is mended', () => {
  expect(readCard(modern)).toEqual({
    name: 'Echo',
    description: 'Says it back',
    version: '2.1.0',
    interfaces: [
      { url: 'https://a.example/rpc', binding: 'JSONRPC', version: '1.0', tenant: 'acme' },
      { url: 'https://a.example/rest', binding: 'HTTP+JSON', version: '0.3' },
      { url: 'a.example:50051', binding: 'GRPC', version: '1.0' },
    ],
    streaming: true,
    inputModes: ['text/plain', 'image/png'],
    outputModes: ['application/json'],
    provider: 'Example Ltd',
    documentationUrl: 'https://example.com/docs',
    skills: [
      { id: 'say', name: 'Say', description: 'Says', tags: ['a'], examples: ['say hi'], inputModes: ['text/plain'] },
      { id: 'only a name', name: 'only a name', description: '', tags: [], examples: [] },
    ],
  });
});

test('a 0.3 card is read, with the preferred interface first and listed once', () => {
  const card = readCard({
    ...legacy,
    protocolVersion: '0.3.0',
    preferredTransport: 'HTTP+JSON',
    url: 'https://a.example/rest',
    additionalInterfaces: [
      { url: 'https://a.example/rest', transport: 'HTTP+JSON' },
      { url: 'https://a.example/rpc', transport: 'JSONRPC' },
    ],
  });
  expect(card.interfaces).toEqual([
    { url: 'https://a.example/rest', binding: 'HTTP+JSON', version: '0.3' },
    { url: 'https://a.example/rpc', binding: 'JSONRPC', version: '0.3' },
  ]);
});

test.each(['0.1.0', '0.2.0', '0.3.0', '1.0', undefined])(
  'a card without supportedInterfaces is spoken to in 0.3 when it claims %s',
  (protocolVersion) => {
    expect(readCard({ ...legacy, protocolVersion }).interfaces).toEqual([
      { url: 'https://a.example/', binding: 'JSONRPC', version: '0.3' },
    ]);
  },
);

test('missing optional members get defaults', () => {
  const card = readCard({ name: 'Bare', url: 'https://a.example/' });
  expect(card).toMatchObject({ description: '', version: '', streaming: false, skills: [] });
  expect(card.inputModes).toEqual(['text/plain']);
});

test.each([
  ['/api/rpc', 'https://a.example/api/rpc'],
  ['rpc', 'https://a.example/agents/one/.well-known/rpc'],
  [undefined, 'https://a.example/agents/one/'],
])('the address %s of a card means %s', (url, expected) => {
  const base = 'https://a.example/agents/one/.well-known/agent-card.json?v=1';
  expect(readCard({ ...legacy, url }, base).interfaces[0]?.url).toBe(expected);
});

test.each([
  [[], 'it must be a JSON object'],
  [{}, '`name`'],
  [{ name: ' ' }, '`name`'],
  [{ name: 'No address' }, '`url`'],
  [{ ...legacy, url: 'not an address' }, '`url`'],
  [{ ...legacy, url: 'ftp://a.example/' }, '`url` must be an http(s) address'],
  [{ ...legacy, url: 'https://me:secret@a.example/' }, '`url` must not contain credentials'],
  [{ ...legacy, additionalInterfaces: [{ transport: 'JSONRPC' }] }, '`additionalInterfaces[0].url`'],
  [{ ...modern, supportedInterfaces: {} }, '`supportedInterfaces`'],
  [{ ...modern, supportedInterfaces: [{ protocolBinding: 'JSONRPC' }] }, '`supportedInterfaces[0].url`'],
  [{ ...modern, supportedInterfaces: [{ url: 'https://a.example' }] }, '`supportedInterfaces[0].protocolBinding`'],
  [{ ...modern, supportedInterfaces: [{ url: 'a:1', protocolBinding: 'GRPC' }] }, 'GRPC; expected one with JSONRPC'],
  [{ ...legacy, description: 'a\0b' }, 'holds NUL'],
  [{ ...legacy, 'key\uD800': 1 }, 'halves of characters'],
  [{ ...legacy, deep: JSON.parse('['.repeat(10_000) + ']'.repeat(10_000)) as unknown }, 'JSON too deep'],
  [{ ...modern, skills: 'many' }, '`skills` must be a list'],
])('what is no card is refused, naming what is wrong (%#)', (raw, words) => {
  expect(() => readCard(raw)).toThrow(
    expect.objectContaining({ code: 'invalid', message: expect.stringContaining(words) }),
  );
});

test('a card of more than 256 kB is refused', () => {
  expect(() => readCard({ ...legacy, description: 'x'.repeat(256 * 1024) })).toThrow(
    expect.objectContaining({ code: 'too_large' }),
  );
});
