import { once } from 'node:events';
import { type ClientOptions, WebSocket } from 'ws';
import { ADMIN_KEY } from './server.js';

/** What came over a socket: a frame, or a JSON-RPC message. */
export type Received = Record<string, unknown>;

export interface WsOptions extends ClientOptions {
  readonly protocols?: string[];
}

export const asAdmin = { headers: { authorization: `Bearer ${ADMIN_KEY}` } };

export type WsClient = Awaited<ReturnType<typeof openSocket>>;

/** A real client; everything it receives is kept. */
export async function openSocket(url: string, { protocols = [], ...options }: WsOptions = {}) {
  const socket = new WebSocket(url, protocols, options);
  const received: Received[] = [];
  const waiting = new Set<() => void>();
  const notify = () => waiting.forEach((check) => check());
  let lastId = 0;
  socket.on('message', (data: Buffer) => {
    received.push(JSON.parse(data.toString()) as Received);
    notify();
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.once('close', (code, reason) => {
      resolve({ code, reason: reason.toString() });
      notify();
    });
  });
  await once(socket, 'open');

  /** The first that was received, or will be, for which `fits` is true. */
  const next = <T extends Received = Received>(fits: (message: Received) => boolean, withinMs = 10_000): Promise<T> =>
    new Promise((resolve, reject) => {
      const settle = (end: () => void) => {
        clearTimeout(timer);
        waiting.delete(check);
        end();
      };
      const seen = () => JSON.stringify(received).slice(0, 2_000);
      const check = () => {
        const found = received.find(fits);
        if (found !== undefined) settle(() => resolve(found as T));
        else if (socket.readyState === WebSocket.CLOSED) settle(() => reject(new Error(`Closed after ${seen()}`)));
      };
      const timer = setTimeout(
        () => settle(() => reject(new Error(`Not within ${withinMs} ms; got ${seen()}`))),
        withinMs,
      );
      waiting.add(check);
      check();
    });

  const send = (message: unknown) => socket.send(typeof message === 'string' ? message : JSON.stringify(message));

  /** The whole JSON-RPC answer. */
  const ask = async (method: string, params?: object): Promise<Received> => {
    const id = `call-${++lastId}`;
    send({ jsonrpc: '2.0', id, method, params });
    return next((message) => message['id'] === id);
  };

  /** The result of a call that must succeed. */
  const call = async <T = Received>(method: string, params?: object): Promise<T> => {
    const { error, result } = await ask(method, params);
    if (error !== undefined) throw new Error(`${method} failed: ${JSON.stringify(error)}`);
    return result as T;
  };

  const close = async () => {
    socket.close();
    return closed;
  };
  return {
    socket,
    received,
    closed,
    next,
    send,
    ask,
    call,
    close,
    [Symbol.asyncDispose]: async () => {
      socket.terminate();
      await closed;
    },
  };
}

/** Every frame of a stream and how it ended. */
export async function readStream(url: string, options: WsOptions = {}) {
  const { received: frames, closed } = await openSocket(url, options);
  return { ...(await closed), frames };
}

/** The HTTP answer to an upgrade that is refused. */
export function refusal(url: string, options: WsOptions = {}): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const { protocols = [], ...rest } = options;
    const socket = new WebSocket(url, protocols, rest);
    socket.once('open', () => {
      socket.terminate();
      reject(new Error('The upgrade was not refused'));
    });
    socket.once('error', reject);
    socket.once('unexpected-response', (_, response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
  });
}
