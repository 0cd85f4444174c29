import { Pool } from 'undici';
import { WebSocket } from 'ws';
import { modernCall, modernList } from './requests.mjs';

const TIMEOUT_MS = 30_000;
/** An answer to a benchmark is of some size. */
const MOST_BYTES = 16 << 20;
const NORMAL_END = 1_000;
/** Nobody answers here. */
const WAITS = new Set(['input_required', 'auth_required']);

/** What was wrong, in few different words, so that like is counted with like. */
export class Failed extends Error {}

/** A client of an installed server: MCP over kept-alive connections, and its WebSocket door. */
export class InstalledClient {
  #pool;
  #mcp;
  #key;
  #stream;

  /** @param stream begins the addresses of streams, where the one that the server tells cannot be reached */
  constructor({ url, key, stream, concurrency }) {
    const { origin } = new URL(url);
    this.#pool = new Pool(origin, { connections: concurrency, headersTimeout: TIMEOUT_MS, bodyTimeout: TIMEOUT_MS });
    this.#mcp = `${url}/mcp`;
    this.#key = key;
    this.#stream = stream;
  }

  listTools() {
    return this.#post(modernList(this.#mcp, this.#key));
  }

  /** @returns the result. @throws Failed also for a result that says that it is an error */
  async callTool(name, args) {
    const result = await this.#post(modernCall(this.#mcp, name, args, this.#key));
    if (result.isError) throw new Failed(`the tool failed: ${result.content?.[0]?.text?.slice(0, 120)}`);
    return result;
  }

  /** One call of an agent. What is not over, because it asks back or takes too long, is canceled: nothing is left behind. */
  async ask(agent, message) {
    const { structuredContent = {} } = await this.callTool(agent, { message });
    const { state, task_id: requestId } = structuredContent;
    if (state === 'completed') return;
    await this.callTool('cancel', { requestId });
    throw new Failed(`the call was not completed but ${state}`);
  }

  /** Begins a request and follows it over a WebSocket up to its end. */
  async follow(agent, message) {
    const begun = await this.callTool('invoke_agent', { agentId: agent, input: { message } });
    const { requestId, streamUrl } = begun.structuredContent ?? {};
    if (streamUrl === undefined) throw new Failed('invoke_agent told no streamUrl');
    try {
      await untilFinal(this.#stream === undefined ? streamUrl : moved(streamUrl, this.#stream));
    } catch (error) {
      await this.callTool('cancel', { requestId });
      throw error;
    }
  }

  close() {
    return this.#pool.destroy();
  }

  async #post({ url, headers, body }) {
    const { pathname } = new URL(url);
    const { statusCode, body: answer } = await this.#pool.request({ path: pathname, method: 'POST', headers, body });
    const text = await textOf(answer);
    if (statusCode !== 200) throw new Failed(`HTTP ${statusCode}${statusCode === 429 ? ' (rate limited)' : ''}`);
    const message = JSON.parse(text.startsWith('{') ? text : lastEvent(text));
    if (message.error) throw new Failed(`JSON-RPC error ${message.error.code}: ${message.error.message}`);
    return message.result;
  }
}

async function textOf(body) {
  let text = '';
  for await (const chunk of body.setEncoding('utf8')) {
    text += chunk;
    if (text.length > MOST_BYTES) throw new Failed(`an answer of more than ${MOST_BYTES} bytes`);
  }
  return text;
}

const lastEvent = (text) => [...text.matchAll(/^data: (.*)$/gm)].at(-1)?.[1] ?? 'null';

function moved(streamUrl, stream) {
  const { pathname, search } = new URL(streamUrl);
  return `${stream.replace(/\/+$/, '')}${pathname}${search}`;
}

function untilFinal(url) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, { perMessageDeflate: false, handshakeTimeout: TIMEOUT_MS });
    const tooSlow = setTimeout(() => end(new Failed(`no end of the stream within ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
    const end = (error) => {
      clearTimeout(tooSlow);
      socket.terminate();
      if (error === undefined) resolve();
      else reject(error);
    };
    socket.on('message', (data) => {
      const { type, status } = JSON.parse(data);
      if (type === 'final') end(status === 'done' ? undefined : new Failed(`the request ended ${status}`));
      if (type === 'error') end(new Failed('the request failed'));
      if (type === 'chunk' && WAITS.has(status)) end(new Failed(`the request was not done but ${status}`));
    });
    socket.on('error', end);
    socket.on('close', (code) => end(code === NORMAL_END ? undefined : new Failed(`WebSocket closed with ${code}`)));
  });
}
