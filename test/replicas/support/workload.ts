import { setTimeout as sleep } from 'node:timers/promises';
import { CLIENTS } from '../../support/mcp-clients.js';
import type { CallRecord } from './calls.js';
import { McpCaller } from './mcp-caller.js';
import { planFor, planForRest } from './plans.js';
import type { Random } from '../../support/random.js';
import { RestCaller } from './rest-caller.js';

const REST_CALLERS = 5;
/** Between the calls of one caller: enough for faults to find work, little enough for two cores. */
const PAUSE_MS = { least: 20, most: 400 };
/** A call needs at most so long, takeovers included. */
const FINISH_MS = 45_000;

type Perform = (call: CallRecord) => Promise<void>;

/** People and programs that call agents all the time, each with a client of its own, through the load balancer. */
export class Workload {
  readonly calls: CallRecord[] = [];
  private readonly over = new AbortController();
  private stopping = false;
  private readonly callers: Promise<void>[] = [];
  private readonly clients: McpCaller[] = [];

  private constructor(private readonly name: string) {}

  /** @param name begins every token, so that workloads on one cluster are told apart */
  static async start(url: string, name: string, random: Random): Promise<Workload> {
    const workload = new Workload(name);
    for (const [door, connect] of CLIENTS) {
      const client = await McpCaller.connect(connect, url, workload.over.signal);
      workload.clients.push(client);
      workload.keepCalling(door, random.fork(), (call) => client.perform(call));
    }
    for (let i = 0; i < REST_CALLERS; i++) {
      const rest = new RestCaller(url, workload.over.signal);
      // One conversation for every other caller.
      const session = i % 2 === 0 ? (await rest.openSession()).sessionId : undefined;
      workload.keepCalling(`REST ${i}`, random.fork(), (call) => rest.perform(call, session));
    }
    return workload;
  }

  /** No new calls; waits for those that are open. */
  async finish(): Promise<void> {
    this.stopping = true;
    const timer = setTimeout(() => this.over.abort(), FINISH_MS);
    await Promise.all(this.callers);
    clearTimeout(timer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stopping = true;
    this.over.abort();
    await Promise.all(this.callers);
    await Promise.all(this.clients.map((client) => client.close()));
  }

  private keepCalling(door: string, random: Random, perform: Perform): void {
    const plan = door.startsWith('REST') ? planForRest : planFor;
    const caller = this.callers.length;
    const work = async () => {
      for (let n = 0; !this.stopping; n++) {
        const token = `${this.name}-${caller}-${n}`;
        const call: CallRecord = { token, plan: plan(token, random), door, told: false, troubles: [], wrongs: [] };
        this.calls.push(call);
        await perform(call).catch((error: unknown) => {
          call.wrongs.push(this.over.signal.aborted ? 'was still open at the end' : String(error));
        });
        await sleep(random.int(PAUSE_MS.least, PAUSE_MS.most));
      }
    };
    this.callers.push(work());
  }
}
