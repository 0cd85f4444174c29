import { BlockList, isIP } from 'node:net';

/** What is not the public internet, and why; the first that fits is named. */
const REFUSED: readonly (readonly [network: string, why: string])[] = [
  ['0.0.0.0/8', 'an unspecified address'],
  ['10.0.0.0/8', 'a private address'],
  ['100.64.0.0/10', 'a carrier-grade NAT address'],
  ['127.0.0.0/8', 'a loopback address'],
  ['168.63.129.16/32', 'a cloud metadata address'],
  ['169.254.0.0/16', 'a link-local address'],
  ['172.16.0.0/12', 'a private address'],
  ['192.0.0.0/24', 'a reserved address'],
  ['192.0.2.0/24', 'a documentation address'],
  ['192.88.99.0/24', 'a 6to4 relay address'],
  ['192.168.0.0/16', 'a private address'],
  ['198.18.0.0/15', 'a benchmark address'],
  ['198.51.100.0/24', 'a documentation address'],
  ['203.0.113.0/24', 'a documentation address'],
  ['224.0.0.0/4', 'a multicast address'],
  ['240.0.0.0/4', 'a reserved address'],
  ['::/128', 'an unspecified address'],
  ['::1/128', 'a loopback address'],
  ['2001:db8::/32', 'a documentation address'],
  ['3fff::/20', 'a documentation address'],
  ['2001::/23', 'a reserved address'],
  ['2002::/16', 'a 6to4 address'],
  ['fc00::/7', 'a private address'],
  ['fe80::/10', 'a link-local address'],
  ['ff00::/8', 'a multicast address'],
  // Of IPv6 only 2000::/3 is given out to the public.
  ['::/3', 'a reserved address'],
  ['4000::/2', 'a reserved address'],
  ['8000::/1', 'a reserved address'],
];

type Family = 'ipv4' | 'ipv6';

/** A list for each family, because one BlockList takes every IPv4 address for a member of `::/3`, too. */
class NetworkList {
  private readonly lists: Readonly<Record<Family, BlockList>> = { ipv4: new BlockList(), ipv6: new BlockList() };

  constructor(networks: readonly string[]) {
    for (const network of networks) {
      const { address, prefix, family } = parseNetwork(network);
      this.lists[family].addSubnet(address, prefix, family);
    }
  }

  has(address: string, family: Family): boolean {
    return this.lists[family].check(address, family);
  }
}

const reasons = REFUSED.map(([network, why]) => ({ why, networks: new NetworkList([network]) }));
const refused = new NetworkList(REFUSED.map(([network]) => network));

/** Says of an address why we may not go there. */
export class Networks {
  private readonly allowed: NetworkList;

  /** @throws when one of them is not a network, naming ALLOWED_NETWORKS. */
  constructor(allowed: readonly string[]) {
    this.allowed = new NetworkList(allowed);
  }

  /** What kind of address it is, when that is not public and not allowed; undefined when we may go there. */
  refusal(address: string): string | undefined {
    const plain = embeddedIPv4(address) ?? address;
    const family = isIP(plain) === 6 ? 'ipv6' : 'ipv4';
    if (!refused.has(plain, family) || this.allowed.has(plain, family)) return undefined;
    return reasons.find(({ networks }) => networks.has(plain, family))?.why;
  }
}

function parseNetwork(network: string): { address: string; prefix: number; family: Family } {
  const [, address = '', digits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(network) ?? [];
  const version = isIP(address);
  const longest = version === 6 ? 128 : 32;
  const prefix = digits === undefined ? longest : Number(digits);
  if (version === 0 || address.includes('%') || prefix > longest)
    throw new Error(`ALLOWED_NETWORKS: "${network}" is not a network such as 10.0.0.0/8 or fd00::/8`);
  return { address, prefix, family: version === 6 ? 'ipv6' : 'ipv4' };
}

/** An IPv6 address that leads to an IPv4 one, mapped or over NAT64 (the only way out of IPv6-only clusters). */
function embeddedIPv4(address: string): string | undefined {
  if (!address.includes(':')) return undefined;
  const [withoutZone = ''] = address.split('%', 1);
  const canonical = new URL(`http://[${withoutZone}]`).hostname;
  const groups = /^\[(?:::ffff:|64:ff9b::)(?:([0-9a-f]+):)?([0-9a-f]+)\]$/.exec(canonical);
  if (groups === null) return undefined;
  const [, high = '0', low = '0'] = groups;
  return [high, low].map((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 0xff].join('.')).join('.');
}
