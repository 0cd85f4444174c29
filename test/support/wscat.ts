import { openSocket, type Received, type WsClient } from './ws-client.js';

/** What a page shows of one connection: the command, then lines that begin with `>`, `<` or `Disconnected`. */
export interface Transcript {
  readonly command: string;
  readonly lines: readonly string[];
}

/** Stands for anything in a line, and for any number of frames as a line. */
const ANYTHING = '…';
const SOME_FRAMES = `< ${ANYTHING}`;

export function transcriptsIn(page: string): Transcript[] {
  return [...page.matchAll(/```wscat\n\$ (.*)\n([^]*?)```/g)].map(([, command = '', body = '']) => ({
    command,
    lines: body.trimEnd().split('\n'),
  }));
}

/** Types what a transcript types and compares what comes. @param known values of `$name`, added to as they are seen */
export async function perform({ command, lines }: Transcript, known: Map<string, string>): Promise<void> {
  const words = command.match(/"[^"]*"|\S+/g) ?? [];
  const valuesOf = (flag: string) =>
    words.flatMap((word, i) => (word === flag ? [(words[i + 1] ?? '').replaceAll('"', '')] : []));
  const headers = Object.fromEntries(valuesOf('-H').map((header) => filled(header, known).split(': ')));
  const protocols = valuesOf('-s').map((name) => filled(name, known));
  await using client = await openSocket(filled(valuesOf('-c')[0] ?? '', known), { headers, protocols });
  let seen = 0;
  let mayComeLater = false;
  for (const line of lines) {
    if (line.startsWith('> ')) client.send(filled(line.slice(2), known));
    else if (line.startsWith('Disconnected')) await disconnected(client, line);
    else if (line === SOME_FRAMES) mayComeLater = true;
    else {
      seen = await received(client, { line, seen, mayComeLater }, known);
      mayComeLater = false;
    }
  }
}

interface Expected {
  readonly line: string;
  /** So many frames were looked at. */
  readonly seen: number;
  /** Others may come before it. */
  readonly mayComeLater: boolean;
}

/** Waits for the frame of a line. @returns how many frames have been looked at now */
async function received(client: WsClient, { line, seen, mayComeLater }: Expected, known: Map<string, string>) {
  const wanted = JSON.parse(line.slice('< '.length)) as Received;
  for (let at = seen; ; at++) {
    const frame = await client.next((one) => client.received.indexOf(one) === at);
    const learned = new Map(known);
    if (matches(wanted, frame, learned)) {
      for (const [name, value] of learned) known.set(name, value);
      return at + 1;
    }
    if (!mayComeLater) throw new Error(`The page has\n${line}\nbut this came:\n${JSON.stringify(frame)}`);
  }
}

async function disconnected(client: WsClient, line: string): Promise<void> {
  const { code, reason } = await client.closed;
  const [, wantedCode, wantedReason] = /code: (\d+), reason: "(.*)"/.exec(line) ?? [];
  const isSame = String(code) === wantedCode && (wantedReason === ANYTHING || wantedReason === reason);
  if (!isSame) throw new Error(`The page has\n${line}\nbut it was ${code} ${reason}`);
}

/** Every member must be there, and no other. */
function matches(wanted: unknown, given: unknown, known: Map<string, string>): boolean {
  if (wanted === ANYTHING) return given !== undefined;
  if (typeof wanted === 'string' && wanted.startsWith('$')) {
    if (!known.has(wanted)) known.set(wanted, String(given));
    return known.get(wanted) === given;
  }
  if (typeof wanted !== 'object' || wanted === null || typeof given !== 'object' || given === null)
    return wanted === given;
  const names = Object.keys(wanted);
  if (names.toSorted().join() !== Object.keys(given).toSorted().join()) return false;
  return names.every((name) => matches((wanted as Received)[name], (given as Received)[name], known));
}

const filled = (text: string, known: Map<string, string>): string =>
  [...known].reduce((result, [name, value]) => result.replaceAll(name, value), text);
