import type { LedgerView } from '../../apps/demo-agent/src/ledger.js';
import { startDemoAgents } from '../../apps/demo-agent/src/demo-agents.js';

export interface TestAgents extends AsyncDisposable {
  /** Where an agent is: `echo`, `echo-plain` (no streaming), `echo-rest` (HTTP+JSON only), and each with `legacy-` before it. */
  url(name: string): string;
  /** What an agent really received. */
  ledger(name: string): Promise<LedgerView>;
  /** Replaces members of an agent's card, `{ skills: […] }`; `{}` puts the original back. */
  changeCard(name: string, changes: object): Promise<void>;
}

/** The demo agents, real ones on a free port, for one test. */
export async function startAgents(): Promise<TestAgents> {
  const agents = await startDemoAgents();
  const url = (name: string) => `${agents.url}/${name}/`;
  return {
    url,
    ledger: async (name) => (await fetch(`${url(name)}ledger`)).json() as Promise<LedgerView>,
    changeCard: async (name, changes) => {
      const headers = { 'Content-Type': 'application/json' };
      const response = await fetch(`${url(name)}card`, { method: 'PUT', headers, body: JSON.stringify(changes) });
      if (!response.ok) throw new Error(`The card of ${name} did not change: HTTP ${response.status}`);
    },
    [Symbol.asyncDispose]: () => agents.close(),
  };
}
