import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JsonObject } from '@app/core';
import {
  type ChangeKind,
  type ClientCancel,
  type ClientResponse,
  type Handler,
  type Host,
  type Limits,
  McpServer,
  type Principal,
  type Tool,
} from '@app/mcp-protocol';
import { KeyRing } from '@app/secrets';
import { completions, prompts, resources } from './mcp-fixture-content.js';
import { inputTools } from './mcp-fixture-input-tools.js';
import { FixtureTasks } from './mcp-fixture-tasks.js';
import { plainTools } from './mcp-fixture-tools.js';

/** Serves what the conformance suites ask for by name, and a few tools of our own. */
export class FixtureHost implements Host {
  readonly serverInfo = { name: 'fixture', version: '1.0.0' };
  readonly instructions = 'Call the tools by their names.';
  readonly methods: Record<string, Handler<Principal>> = { ...resources, ...prompts, ...completions };
  readonly tasks = new FixtureTasks();
  readonly tools: Map<string, Tool>;

  constructor(private readonly replicas: Replicas) {
    const all = [...plainTools, ...inputTools, ...this.tasks.tools, ...this.changeTools()];
    this.tools = new Map(all.map((tool) => [tool.definition.name, tool]));
  }

  listTools(): JsonObject {
    return { tools: [...this.tools.values()].map(({ definition }) => definition) };
  }

  tool(name: string): Tool | undefined {
    return this.tools.get(name);
  }

  onResponse(response: ClientResponse): void {
    this.replicas.all.forEach((server) => server.acceptResponse(response));
  }

  onCancel(cancel: ClientCancel): void {
    this.replicas.all.forEach((server) => server.acceptCancel(cancel));
  }

  private changeTools(): Tool[] {
    return (['tool', 'prompt'] as const).map((kind) => ({
      definition: {
        name: `test_trigger_${kind}_change`,
        description: 'Announces a change',
        inputSchema: { type: 'object' },
      },
      validate: () => undefined,
      call: () => {
        this.replicas.changed(`${kind}s`);
        return { content: [{ type: 'text', text: 'announced' }] };
      },
    }));
  }
}

/** What stands between replicas here: every message reaches all of them. */
class Replicas {
  readonly all: McpServer<Principal>[] = [];

  changed(kind: ChangeKind, uri?: string): void {
    this.all.forEach((server) => server.changed(kind, uri));
  }
}

export interface FixtureOptions {
  replicas?: number;
  limits?: Partial<Limits>;
  allowedHosts?: string[];
}

/** Replicas of the protocol core on plain node:http, taking requests in turn; who calls stands in `x-principal`. */
export async function startFixture({ replicas = 1, limits, allowedHosts = [] }: FixtureOptions = {}) {
  const together = new Replicas();
  const host = new FixtureHost(together);
  const seal = new KeyRing([`k1:${Buffer.alloc(32, 7).toString('base64')}`]);
  const newReplica = () => new McpServer<Principal>({ host, seal, allowedHosts, limits });
  const mcp = newReplica();
  together.all.push(mcp, ...Array.from({ length: replicas - 1 }, newReplica));
  let turn = 0;
  const http = createServer((req, res) => {
    const { 'x-principal': id = 'alice' } = req.headers;
    turn = (turn + 1) % replicas;
    together.all[turn]?.handle(req, res, { id: String(id), keyId: 'test' });
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as AddressInfo;
  return {
    host,
    http,
    port,
    url: `http://127.0.0.1:${port}/mcp`,
    mcp,
    replicas: together.all,
    changed: (kind: ChangeKind, uri?: string) => together.changed(kind, uri),
    async [Symbol.asyncDispose](): Promise<void> {
      await Promise.all(together.all.map((replica) => replica.close()));
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}
export type Fixture = Awaited<ReturnType<typeof startFixture>>;
