/**
 * Reads many WebSocket streams of the ticking agent at once: `{open: […]}` opens them, `measure` begins, `finish` waits
 * until all have ended.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { now, percentile } from './figures.mjs';

const OPENED_AT_ONCE = 50;
/** A slow reader looks about so seldom, and so long. */
const SLOW_MS = 5_000;
const LOOK_MS = 20;
const NORMAL_END = 1_000;

const readers = [];
const lags = [];
let since = Infinity;

const jobs = {
  open: async ({ open }) => {
    const left = [...open];
    const openNext = async () => {
      for (let next = left.pop(); next !== undefined; next = left.pop()) {
        const reader = new Reader(next);
        readers.push(reader);
        await reader.opened;
      }
    };
    await Promise.all(Array.from({ length: OPENED_AT_ONCE }, openNext));
    return { wrong: firstWrong() };
  },
  measure: () => {
    since = now();
    return {};
  },
  finish: async () => {
    const events = lags.length;
    const measured = { events, p50: percentile(lags, 0.5), p99: percentile(lags, 0.99) };
    await Promise.all(readers.map(({ ended }) => ended));
    return { ...measured, wrong: firstWrong() };
  },
};

const firstWrong = () => readers.find(({ wrong }) => wrong !== undefined)?.wrong;

class Reader {
  wrong;
  #heard = 0;
  #said;

  constructor({ url, key, isSlow }) {
    const socket = new WebSocket(url, { headers: { authorization: `Bearer ${key}` }, perMessageDeflate: false });
    this.opened = new Promise((resolve) => {
      socket.once('message', resolve).once('close', resolve);
    });
    this.ended = new Promise((resolve) => {
      socket.once('close', (code, reason) => {
        if (code !== NORMAL_END) this.wrong ??= `closed with ${code} ${reason.toString()}`;
        else if (this.#heard !== this.#said) this.wrong = `${this.#heard} of ${this.#said} events were heard`;
        resolve();
      });
    });
    socket.on('error', (error) => {
      this.wrong = String(error);
    });
    socket.on('message', (data) => this.#take(JSON.parse(data), isSlow));
    if (isSlow) void this.#readSlowly(socket);
  }

  #take(frame, isSlow) {
    if (frame.type === 'final') this.#said = Number(frame.message);
    const said = frame.type === 'chunk' && frame.status === 'running' ? Number(frame.content?.[0]?.text) : NaN;
    if (Number.isNaN(said)) return;
    this.#heard++;
    if (said >= since && !isSlow) lags.push(now() - said);
  }

  async #readSlowly(socket) {
    await this.opened;
    while (socket.readyState === WebSocket.OPEN) {
      socket.pause();
      await sleep(Math.random() * 2 * SLOW_MS);
      socket.resume();
      await sleep(LOOK_MS);
    }
  }
}

process.on('message', (job) => {
  const work = jobs[typeof job === 'string' ? job : Object.keys(job)[0]];
  if (work !== undefined) void Promise.resolve(work(job)).then((answer) => process.send(answer));
});
process.channel.ref();
console.log(`Listening ${JSON.stringify({ url: 'ipc:' })}`);
