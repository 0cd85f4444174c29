import { WebSocket } from 'ws';
import { ADMIN_KEY } from '../server.js';
import type { Random } from '../random.js';
import {
  brokenJson,
  deep,
  garbage,
  garbageObject,
  garbageText,
  notAnObject,
  notAString,
  UNKNOWN_KEY,
  wrongId,
} from './garbage.js';
import type { Victims } from './rest.js';
import type { Verdict } from './verdict.js';

/** A connection ends well, or for a reason that is the client's. */
const FINE_CODES = new Set([1000, 1002, 1003, 1005, 1007, 1008, 1009]);
const LAST = 'the last one';
const PATIENCE_MS = 10_000;

type Frame = string | Buffer;
type Make = (random: Random, victims: Victims) => Frame;

const rpc = (method: unknown, params: unknown, id: unknown = 1) =>
  JSON.stringify({ jsonrpc: '2.0', id, method, params });

const FRAMES: Make[] = [
  (random) => brokenJson(random),
  (random) => JSON.stringify(garbage(random)) ?? 'null',
  (random) => Buffer.from(garbageText(random)),
  (random) => random.pick(['', '[]', deep(100), rpc('list_agents', { search: 'x'.repeat(2 << 20) })]),
  (random) => rpc(garbage(random), garbage(random), garbage(random)),
  (random, { task }) => {
    const method = random.pick(['get_status', 'cancel', 'subscribe', 'unsubscribe']);
    const requestId = random.pick([task, wrongId(random), notAString(random), '\u0000']);
    return rpc(method, { requestId, ...(random.chance(0.2) && { from: garbage(random) }) });
  },
  (random) => rpc('close_session', { sessionId: random.pick([5, 'x', '\u0000', null]) }),
  (random) => rpc('describe_agent', random.pick([{}, { id: 5 }, { id: '\u0000' }, []])),
  (random) => rpc('list_agents', { [UNKNOWN_KEY]: garbage(random) }),
  (random) => rpc('authenticate', random.pick([{ apiKey: 'x' }, { token: 5 }, {}, null])),
  (random) => rpc('invoke_agent', { agentId: 'echo', input: notAnObject(random) }),
  (random) => rpc('invoke_agent', { agentId: random.pick(['nobody', '', 5]), input: { message: 'x' } }),
  (random, { session }) =>
    rpc('invoke_agent', { agentId: 'echo', input: { message: 'x' }, sessionId: random.pick([session, 'x', 5]) }),
  (random, { task }) =>
    rpc('handoff', {
      fromRequestId: random.pick([task, wrongId(random)]),
      toAgentId: 'echo',
      payload: { message: 'x' },
    }),
  (random) => JSON.stringify(Array.from({ length: random.int(0, 20) }, () => garbageObject(random))),
];

const PATHS = [
  '',
  '/',
  '/stream',
  '/stream?requestId=',
  '/stream?requestId=%00',
  '/nobody',
  '/stream?requestId=x&from=-1',
  '/%ff',
];

export async function tryWebSocket(url: string, key: string, random: Random, victims: Victims): Promise<Verdict> {
  const stream = `/stream?requestId=${random.chance(0.5) ? victims.task : wrongId(random)}&from=${random.pick(['0', 'x', '1e9', '-1'])}`;
  const path = random.chance(0.7)
    ? ''
    : random.pick([...PATHS, stream, `${stream}&ticket=${random.pick(['x', '%00', ADMIN_KEY.slice(1)])}`]);
  const isKnown = random.chance(0.7);
  const frames = Array.from({ length: random.int(1, 4) }, () => random.pick(FRAMES)(random, victims));
  const what = `${path} ${isKnown ? 'known' : 'stranger'} ${frames.map(String).join(' ⏎ ')}`;
  const headers = isKnown ? { authorization: `Bearer ${key}` } : {};
  return { what, wrong: await faultIn(new WebSocket(url + path, { headers }), frames) };
}

/** Sends the frames and a ping behind them; its answer, or the end of the connection, comes when all were looked at. */
function faultIn(socket: WebSocket, frames: readonly Frame[]): Promise<string> {
  return new Promise((resolve) => {
    let fault = '';
    const end = (wrong: string) => {
      clearTimeout(timer);
      socket.terminate();
      resolve(fault === '' ? wrong : fault);
    };
    const timer = setTimeout(() => end('neither answered nor closed'), PATIENCE_MS);
    socket.on('open', () => {
      for (const frame of frames) socket.send(frame);
      socket.send(rpc('ping', {}, LAST));
    });
    socket.on('message', (data: Buffer) => {
      const text = data.toString();
      if (text.includes('-32603')) fault = text;
      if (text.includes(LAST)) end('');
    });
    socket.on('unexpected-response', (_, { statusCode = 0 }) =>
      end(statusCode >= 500 ? `refused with ${statusCode}` : ''),
    );
    socket.on('error', () => undefined);
    socket.on('close', (code, reason) => end(isFine(code) ? '' : `closed with ${code} ${reason.toString()}`));
  });
}

const isFine = (code: number): boolean => FINE_CODES.has(code) || (code >= 4400 && code < 4500);
