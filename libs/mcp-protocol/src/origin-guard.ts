import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import { BoundedMap } from './bounded-map.js';
import { Refusal, RpcCode } from './rpc.js';

const LOCAL: readonly string[] = ['localhost', '127.0.0.1', '[::1]'];
const CACHED = 1000;
export const NOT_SERVED =
  'Forbidden: this Host or Origin is not served here. Name the host in ALLOWED_HOSTS to allow it.';
/** The name of what is no URL: never a known one. */
const UNREADABLE = '';

/**
 * Protects against DNS rebinding: a web page may point its own name at this server, so only names that are known to be ours
 * are served. An address cannot be rebound, so any is fine as Host; as Origin only our own are.
 */
export class OriginGuard {
  private readonly names: Set<string>;
  private readonly verdicts = new BoundedMap<string, boolean>(CACHED);

  constructor(allowedHosts: readonly string[]) {
    const allowed = allowedHosts.map((entry) => (entry === '*' ? entry : hostname(`http://${entry}`)));
    this.names = new Set([...LOCAL, ...allowed]);
    this.names.delete(UNREADABLE);
  }

  /** @throws Refusal 403. */
  check(headers: IncomingHttpHeaders): void {
    if (this.allows(headers)) return;
    throw new Refusal(403, RpcCode.refused, NOT_SERVED);
  }

  allows({ host = '', origin }: IncomingHttpHeaders): boolean {
    const key = origin === undefined ? host : `${host}\n${origin}`;
    let isFine = this.verdicts.get(key);
    if (isFine === undefined) {
      isFine = this.judge(host, origin);
      this.verdicts.set(key, isFine);
    }
    return isFine;
  }

  private judge(host: string, origin: string | undefined): boolean {
    if (this.names.has('*')) return true;
    const name = hostname(`http://${host}`);
    const isKnown = this.names.has(name) || isIP(name) === 4 || name.startsWith('[');
    return isKnown && (origin === undefined || this.names.has(hostname(origin)));
  }
}

function hostname(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : UNREADABLE;
}
