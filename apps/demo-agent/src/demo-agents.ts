import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import type { DemoAgent } from './agent.js';
import { asker } from './asker.js';
import type { Variant } from './cards.js';
import { echo, guarded } from './echo.js';
import { files } from './files.js';
import { flaky } from './flaky.js';
import { legacy } from './legacy.js';
import { longRunner } from './long-runner.js';
import { researcher } from './researcher.js';
import { serveAgent, type ServedAgent } from './served-agent.js';

/** Those that a first start registers; the others are there for tests. */
export const SHOWN_AGENTS = ['echo', 'researcher', 'long-runner', 'asker', 'flaky', 'files', 'legacy'] as const;

const MODERN: Readonly<Record<string, DemoAgent>> = {
  echo,
  researcher,
  'long-runner': longRunner,
  asker,
  flaky,
  files,
  guarded,
};

const JSONRPC_FIRST = ['JSONRPC', 'HTTP+JSON'] as const;

/** By what is added to the path: as usual, without streaming, and over HTTP+JSON only. */
const WAYS: Readonly<Record<string, Omit<Variant, 'version'>>> = {
  '': { streaming: true, bindings: JSONRPC_FIRST },
  '-plain': { streaming: false, bindings: JSONRPC_FIRST },
  '-rest': { streaming: true, bindings: ['HTTP+JSON'] },
};

export interface DemoAgents {
  /** Without a slash at the end; agents are below it: `${url}/echo/`. */
  readonly url: string;
  /** Every path, `echo`, `echo-plain`, `echo-rest`, `legacy-echo`, … */
  readonly names: readonly string[];
  close(): Promise<void>;
}

/** Starts all demo agents on one port. */
export async function startDemoAgents({ port = 0, host = '127.0.0.1' } = {}): Promise<DemoAgents> {
  const agents = new Map(everyAgent());
  const app = express().disable('x-powered-by');
  app.use('/:agent', (request, response, next) => {
    const agent = agents.get(request.params.agent);
    if (agent === undefined) return next();
    return agent.router(request, response, next);
  });
  const server = createServer(app);
  server.listen(port, host);
  await once(server, 'listening');
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${(server.address() as AddressInfo).port}`;
  return { url, names: [...agents.keys()], close: () => close(server, agents.values()) };
}

function* everyAgent(): Iterable<readonly [string, ServedAgent]> {
  for (const [suffix, way] of Object.entries(WAYS)) {
    for (const [name, agent] of Object.entries(MODERN)) {
      yield served(agent, `${name}${suffix}`, { version: '1.0', ...way });
      yield served(agent, `legacy-${name}${suffix}`, { version: '0.3', ...way });
    }
    yield served(legacy, `legacy${suffix}`, { version: '0.3', ...way });
  }
}

/** The title says the path in words, so that a name made of it is the path again. */
function served(agent: DemoAgent, path: string, variant: Variant): readonly [string, ServedAgent] {
  const title = `${path.charAt(0).toUpperCase()}${path.slice(1).replaceAll('-', ' ')}`;
  return [path, serveAgent(agent, path, title, variant)];
}

async function close(server: Server, agents: Iterable<ServedAgent>): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  for (const agent of agents) agent.close();
  server.closeAllConnections();
  await closed;
}
