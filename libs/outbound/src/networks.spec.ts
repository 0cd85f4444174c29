import { expect, test } from 'vitest';
import { Networks } from './networks.js';

test.each([
  ['0.0.0.0', 'an unspecified address'],
  ['10.255.255.255', 'a private address'],
  ['100.64.0.1', 'a carrier-grade NAT address'],
  ['100.100.100.200', 'a carrier-grade NAT address'],
  ['127.0.0.1', 'a loopback address'],
  ['127.255.255.254', 'a loopback address'],
  ['168.63.129.16', 'a cloud metadata address'],
  ['169.254.169.254', 'a link-local address'],
  ['172.31.255.255', 'a private address'],
  ['192.0.0.192', 'a reserved address'],
  ['192.0.2.1', 'a documentation address'],
  ['192.168.0.1', 'a private address'],
  ['198.19.255.255', 'a benchmark address'],
  ['224.0.0.1', 'a multicast address'],
  ['255.255.255.255', 'a reserved address'],
  ['::', 'an unspecified address'],
  ['::1', 'a loopback address'],
  ['::ffff:127.0.0.1', 'a loopback address'],
  ['::ffff:a00:1', 'a private address'],
  ['::127.0.0.1', 'a reserved address'],
  ['64:ff9b::7f00:1', 'a loopback address'],
  ['64:ff9b::1', 'an unspecified address'],
  ['64:ff9b:1::7f00:1', 'a reserved address'],
  ['2001:0:53aa:64c::1', 'a reserved address'],
  ['2001:db8::1', 'a documentation address'],
  ['2002:7f00:1::', 'a 6to4 address'],
  ['fd00:ec2::254', 'a private address'],
  ['fe80::1', 'a link-local address'],
  ['fe80::1%eth0', 'a link-local address'],
  ['fec0::1', 'a reserved address'],
  ['ff02::1', 'a multicast address'],
])('%s is refused as %s', (address, why) => {
  expect(new Networks([]).refusal(address)).toBe(why);
});

test.each([
  '8.8.8.8',
  '172.32.0.1',
  '100.128.0.1',
  '198.20.0.1',
  '2606:4700::1111',
  '64:ff9b::808:808',
  '::ffff:808:808',
])('%s is public', (address) => {
  expect(new Networks([]).refusal(address)).toBeUndefined();
});

test('an allowed network opens itself and nothing beside it, however its addresses are written', () => {
  const networks = new Networks(['10.1.0.0/16', '127.0.0.1', 'fd00:1::/32']);
  for (const open of ['10.1.255.255', '::ffff:10.1.0.1', '127.0.0.1', 'fd00:1::2'])
    expect(networks.refusal(open)).toBeUndefined();
  expect(new Networks(['::/0']).refusal('10.0.0.1')).toBe('a private address');
  for (const shut of ['10.2.0.1', '127.0.0.2', 'fd00:2::2', '::1']) expect(networks.refusal(shut)).toBeDefined();
});

test.each([
  '',
  'localhost',
  '10.0.0/8',
  '10.0.0.0/33',
  '10.0.0.0/',
  '10.0.0.0/8/8',
  '::1/129',
  'fe80::1%eth0/64',
  '10.0.0.0/-1',
])('"%s" is no network', (network) => {
  expect(() => new Networks([network])).toThrow(`ALLOWED_NETWORKS: "${network}" is not a network`);
});
