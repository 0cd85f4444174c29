import { Client as ClientV2, StreamableHTTPClientTransport as HttpV2 } from '@modelcontextprotocol/client';
import { Client as Client117 } from '@modelcontextprotocol/sdk-1.17/client/index.js';
import { StreamableHTTPClientTransport as Http117 } from '@modelcontextprotocol/sdk-1.17/client/streamableHttp.js';
import {
  ElicitRequestSchema as Elicit117,
  ToolListChangedNotificationSchema as Changed117,
} from '@modelcontextprotocol/sdk-1.17/types.js';
import { Client as Client132 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as Http132 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema, ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';

interface CallOptions {
  onprogress?: (progress: { progress: number; total?: number; message?: string }) => void;
  signal?: AbortSignal;
}

interface ToolResult {
  content: unknown;
  structuredContent?: unknown;
  isError?: boolean;
}

interface ConnectOptions {
  readonly headers?: Record<string, string>;
  readonly fetch?: typeof fetch;
  /** What the person says when an agent asks: one text, or what fields of a form hold. */
  readonly answer?: () => string | Record<string, string | boolean>;
}

export type Connect = (url: string, options?: ConnectOptions) => Promise<TestClient>;

/** What all generations of clients can do, with one signature. */
export interface TestClient {
  listTools(): Promise<{ tools: { name: string }[] }>;
  call(name: string, args?: Record<string, unknown>, options?: CallOptions): Promise<ToolResult>;
  /** Calls back whenever the list of tools changed. */
  onToolsChanged(callback: () => void): Promise<void>;
  close(): Promise<void>;
}

const ABOUT = { name: 'test', version: '1' };
const capabilities = { elicitation: {} };
/** What every client answers when it is asked. */
const accept =
  ({ answer = () => 'blue' }: ConnectOptions) =>
  () => {
    const said = answer();
    const content = typeof said === 'string' ? { response: said, answer: said, name: 'Ada' } : said;
    return Promise.resolve({ action: 'accept' as const, content });
  };

/** For the transport of any generation. */
const over = ({ headers, fetch }: ConnectOptions) => ({ requestInit: { headers }, fetch });

const modern =
  (mode: 'legacy' | { pin: string }): Connect =>
  async (url, options = {}) => {
    const client = new ClientV2(ABOUT, { capabilities, versionNegotiation: { mode } });
    client.setRequestHandler('elicitation/create', accept(options));
    await client.connect(new HttpV2(new URL(url), over(options)));
    return {
      listTools: () => client.listTools(),
      call: (name, args = {}, callOptions = {}) =>
        client.callTool({ name, arguments: args }, callOptions) as Promise<ToolResult>,
      onToolsChanged: async (callback) => {
        client.setNotificationHandler('notifications/tools/list_changed', callback);
        if (mode !== 'legacy') await client.listen({ toolsListChanged: true });
      },
      close: () => client.close(),
    };
  };

async function connect132(url: string, options: ConnectOptions = {}): Promise<TestClient> {
  const client = new Client132(ABOUT, { capabilities });
  client.setRequestHandler(ElicitRequestSchema, accept(options));
  await client.connect(new Http132(new URL(url), over(options)));
  return {
    listTools: () => client.listTools(),
    call: (name, args = {}, callOptions = {}) =>
      client.callTool({ name, arguments: args }, undefined, callOptions) as Promise<ToolResult>,
    onToolsChanged: async (callback) => client.setNotificationHandler(ToolListChangedNotificationSchema, callback),
    close: () => client.close(),
  };
}

async function connect117(url: string, options: ConnectOptions = {}): Promise<TestClient> {
  const client = new Client117(ABOUT, { capabilities });
  client.setRequestHandler(Elicit117, accept(options));
  await client.connect(new Http117(new URL(url), over(options)));
  return {
    listTools: () => client.listTools(),
    call: (name, args = {}, callOptions = {}) =>
      client.callTool({ name, arguments: args }, undefined, callOptions) as Promise<ToolResult>,
    onToolsChanged: async (callback) => client.setNotificationHandler(Changed117, callback),
    close: () => client.close(),
  };
}

/** Revisions 2026-07-28, 2025-11-25 (twice) and 2025-06-18. */
export const CLIENTS: [string, Connect][] = [
  ['client 2.4, modern', modern({ pin: '2026-07-28' })],
  ['client 2.4, legacy', modern('legacy')],
  ['sdk 1.32', connect132],
  ['sdk 1.17', connect117],
];
