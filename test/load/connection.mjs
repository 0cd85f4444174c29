import { connect } from 'node:net';

const TIMEOUT_MS = 10_000;

/** The bytes of one request, made once and sent as often as wanted. */
export function requestBytes({ url, headers, body }) {
  const { host, pathname } = new URL(url);
  const fields = { host, ...headers, 'content-length': Buffer.byteLength(body) };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`POST ${pathname} HTTP/1.1\r\n${lines.join('')}\r\n${body}`);
}

/**
 * A kept-alive HTTP connection that sends the same request again and again. Costs a fraction of an HTTP client, so that
 * the CPU goes to what is measured.
 */
export class Connection {
  #socket;
  #bytes;
  #expect;
  #received = '';
  #done;

  /** @param expect a right answer has status 200 and contains this */
  constructor(url, bytes, expect) {
    const { hostname, port } = new URL(url);
    this.#bytes = bytes;
    this.#expect = expect;
    this.#socket = connect(Number(port), hostname)
      .setNoDelay(true)
      .setEncoding('latin1')
      .setTimeout(TIMEOUT_MS, () => this.close())
      .on('data', (text) => this.#take(text))
      .on('error', (error) => this.#finish(String(error)))
      .on('close', () => this.#finish('The connection was closed'));
  }

  /** Resolves with what was wrong with the answer, if anything. */
  call() {
    return new Promise((resolve) => {
      this.#done = resolve;
      this.#socket.write(this.#bytes);
    });
  }

  close() {
    this.#socket.destroy();
  }

  #take(text) {
    this.#received += text;
    if (!isWhole(this.#received)) return;
    const answer = this.#received;
    this.#received = '';
    const isRight = answer.startsWith('HTTP/1.1 200') && answer.includes(this.#expect);
    this.#finish(isRight ? undefined : answer);
  }

  #finish(wrong) {
    const done = this.#done;
    this.#done = undefined;
    done?.(wrong);
  }
}

function isWhole(answer) {
  const headEnd = answer.indexOf('\r\n\r\n');
  if (headEnd < 0) return false;
  const length = /\r\ncontent-length: (\d+)/i.exec(answer);
  if (length === null) return answer.endsWith('\r\n0\r\n\r\n');
  return answer.length >= headEnd + 4 + Number(length[1]);
}
