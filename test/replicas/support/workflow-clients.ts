import { setTimeout as sleep } from 'node:timers/promises';
import { ADMIN_KEY } from '../../support/server.js';
import type { Cluster } from './cluster.js';
import type { WorkflowPlan } from './workflow-plans.js';
import { NOBODY } from './workflow-tasks.js';

export interface StartedRun {
  readonly plan: WorkflowPlan;
  readonly runId: string;
}

const PATIENCE_MS = 60_000;
/** What comes while a replica dies, or PostgreSQL is away: the same is asked again. */
const AGAIN = new Set([429, 500, 502, 503, 504]);

/** Somebody who starts runs, tells and answers them what they wait for, and cancels or pauses some, through the load balancer. */
export class WorkflowClient {
  private readonly over = new AbortController();
  private readonly answering: Promise<void>;
  private readonly behind: Promise<void>[] = [];
  readonly wrongs: string[] = [];

  constructor(private readonly cluster: Cluster) {
    this.answering = this.answerAll();
  }

  async start(plan: WorkflowPlan): Promise<StartedRun> {
    for (const definition of plan.definitions) await this.ask('POST', '/api/v1/workflows', { definition });
    const { runId } = await this.ask<{ runId: string }>(
      'POST',
      `/api/v1/workflows/${plan.token}/runs`,
      { input: {} },
      { 'idempotency-key': plan.token },
    );
    this.meanwhile(this.tell(plan));
    if (plan.cancelAfterMs !== undefined) this.meanwhile(this.change(runId, 'cancel', plan.cancelAfterMs));
    if (plan.pause !== undefined) this.meanwhile(this.pause(runId, plan.pause));
    return { plan, runId };
  }

  /** Everything that was to be done beside starting and answering was. */
  async settled(): Promise<void> {
    await Promise.all(this.behind);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.over.abort();
    await this.answering;
  }

  private meanwhile(work: Promise<void>): void {
    this.behind.push(work.catch((error: Error) => void this.wrongs.push(error.message)));
  }

  /** Each event twice: the second time it is the same one. */
  private async tell({ token, hears }: WorkflowPlan): Promise<void> {
    for (const type of [...hears, ...hears]) {
      const event = {
        specversion: '1.0',
        id: token,
        source: `https://example.com/${type}`,
        type,
        data: { told: true },
      };
      await this.ask('POST', '/api/v1/events', event);
    }
  }

  private async pause(runId: string, { afterMs, forMs }: NonNullable<WorkflowPlan['pause']>): Promise<void> {
    await this.change(runId, 'pause', afterMs);
    await this.change(runId, 'resume', forMs);
  }

  /** After so many milliseconds; what is over by then stays as it is. */
  private async change(runId: string, what: 'cancel' | 'pause' | 'resume', ms: number): Promise<void> {
    await sleep(ms);
    await this.ask('POST', `/api/v1/runs/${runId}/${what}`).catch((error: Error) => {
      if (!error.message.includes(': 409')) throw error;
    });
  }

  private async answerAll(): Promise<void> {
    while (!this.over.signal.aborted) {
      const open = await this.once('GET', '/api/v1/approvals?page_size=100').catch(() => undefined);
      const { items = [] } = open?.ok ? ((await open.json()) as { items: { id: string; prompt: string }[] }) : {};
      for (const { id, prompt } of items) if (prompt !== NOBODY) await this.answer(id, prompt);
      await sleep(200);
    }
  }

  private async answer(id: string, prompt: string): Promise<void> {
    const [row] = await this.cluster
      .rows(
        `select w.name from workflow_waits a join workflow_runs r on r.run_id = a.run_id
         join workflows w on w.id = r.workflow_id where a.id = '${id}'`,
      )
      .catch(() => []);
    if (row === undefined) return;
    const answer = prompt.includes('colour') ? `blue ${String(row.name).replace(/-t\d+$/, '')}` : { approved: true };
    const said = await this.once('POST', `/api/v1/approvals/${id}/answer`, { answer }).catch(() => undefined);
    // Answered already, or over.
    if (said !== undefined && !said.ok && ![404, 409].includes(said.status) && !AGAIN.has(said.status))
      this.wrongs.push(`an answer to "${prompt}" was refused: ${said.status} ${await said.text()}`);
  }

  private async ask<T>(method: string, path: string, body?: object, headers: Record<string, string> = {}): Promise<T> {
    const until = performance.now() + PATIENCE_MS;
    for (;;) {
      const answer = await this.once(method, path, body, headers).catch(() => undefined);
      if (answer?.ok) return (await answer.json()) as T;
      if (answer !== undefined && !AGAIN.has(answer.status))
        throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
      if (performance.now() > until) throw new Error(`${method} ${path}: not answered in ${PATIENCE_MS} ms`);
      await sleep(100);
    }
  }

  private once(method: string, path: string, body?: object, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${this.cluster.proxy.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${ADMIN_KEY}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      body: body && JSON.stringify(body),
      signal: AbortSignal.timeout(10_000),
    });
  }
}
