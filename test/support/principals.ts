import type { TestServer } from './server.js';

export interface KeyInput {
  readonly name?: string;
  readonly roles?: readonly string[];
  readonly groups?: readonly string[];
  readonly principal?: string;
  readonly expiresAt?: string;
}

export type TestPrincipal = Awaited<ReturnType<typeof principal>>;

/** Somebody with a key of his own; without a role he is a user, who may do nothing but what is granted. */
export async function principal(server: TestServer, input: KeyInput = {}) {
  const created = await server.json<{ id: string; key: string; principal: string }>(201, 'POST', '/api/v1/api-keys', {
    name: 'test',
    ...input,
  });
  return { ...created, ...callerWith(server, created.key) };
}

/** Whoever shows this key, at one server. */
export function callerWith(server: TestServer, key: string) {
  const headers = { authorization: `Bearer ${key}` };
  const call = (method: string, path: string, body?: unknown) => server.call(method, path, body, headers);
  /** The JSON of an answer that must have this status. */
  const json = async <T = Record<string, unknown>>(status: number, method: string, path: string, body?: unknown) => {
    const response = await call(method, path, body);
    const text = await response.text();
    if (response.status !== status) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  };
  /** Names of the MCP tools that are shown to him. */
  const tools = async (): Promise<string[]> => {
    const client = await server.mcp('modern', key);
    const { tools: shown } = await client.listTools();
    await client.close();
    return shown.map(({ name }) => name);
  };
  /** The first text of what an MCP tool answers. */
  const tool = async (name: string, args: object): Promise<string> => {
    const client = await server.mcp('modern', key);
    const { content } = await client.callTool({ name, arguments: { ...args } }).finally(() => void client.close());
    const [first] = content as { text?: string }[];
    return first?.text ?? '';
  };
  return { headers, call, json, tools, tool };
}
