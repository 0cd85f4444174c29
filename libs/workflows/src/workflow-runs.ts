import { setTimeout as sleep } from 'node:timers/promises';
import type { Part } from '@app/a2a';
import type { Caller } from '@app/core';
import { Work } from '@app/durable';
import { Log } from '@app/telemetry';
import { type TaskRow, type TaskRunner, TaskRunners } from '@app/tasks';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Approvals } from './approvals.service.js';
import { RunTools } from './run-tools.js';
import { Segment } from './segment.js';

/** Runs that are here at a time; the others' rows wait. One holds what its frames hold, and no connection. */
const MOST_RUNS = 500;
/** How long a run stays here with nothing to do: its next step may be near. Less when many are here. */
const LINGER_MS = { few: 2_000, many: 50 };
/** A run that broke is not looked at again before this. */
const BROKEN_MS = 5_000;
/** A step that is being written may take so long. */
const STOP_MS = 2_000;
const STOP_POLL_MS = 50;

/** The runs of workflows that this process works on. */
@Injectable()
export class WorkflowRuns implements TaskRunner, OnModuleInit {
  readonly kind = 'workflow';
  private readonly log = new Log('Workflows');
  private readonly segments = new Map<string, Segment>();
  /** Of those that are here, each at its end. */
  private readonly ends = new Set<Promise<void>>();
  private stopping = false;

  constructor(
    private readonly tools: RunTools,
    private readonly runners: TaskRunners,
    private readonly approvals: Approvals,
    private readonly work: Work,
  ) {}

  onModuleInit(): void {
    this.runners.register(this);
  }

  room(): number {
    return this.stopping ? 0 : Math.max(MOST_RUNS - this.segments.size, 0);
  }

  working(): readonly string[] {
    return [...this.segments.keys()];
  }

  claimed(row: TaskRow): void {
    if (row.attempts > 1) this.log.info('A run was taken over', { run: row.id, workflow: row.agent, epoch: row.epoch });
    this.begin(row);
  }

  /** Works on a run that is this process's. */
  begin(row: TaskRow): void {
    const segment = new Segment(row, this.tools, () => this.lingerMs());
    this.segments.set(row.id, segment);
    const worked = segment.work();
    const ends = worked.catch(() => undefined).finally(() => this.ends.delete(ends));
    this.ends.add(ends);
    void worked
      .catch((cause: unknown) => this.broke(segment, cause))
      .finally(() => {
        const wasFull = this.room() === 0;
        if (this.segments.get(row.id) === segment) this.segments.delete(row.id);
        // Others' rows may wait for this place.
        if (wasFull && this.room() > 0) this.work.wake();
      });
  }

  woken(id: string): void {
    this.segments.get(id)?.wake();
  }

  answer(caller: Caller, row: TaskRow, parts: readonly Part[]): Promise<void> {
    return this.approvals.answerRun(caller, row.id, parts);
  }

  /** Everything is in rows: others go on at once, or as soon as what is open to the outside has ended. */
  async stop(graceMs: number): Promise<void> {
    this.stopping = true;
    const left = new Set(this.segments.keys());
    const until = performance.now() + graceMs;
    for (const segment of this.segments.values()) segment.leave();
    while (this.ends.size > 0 && performance.now() < until) {
      await Promise.race([Promise.all(this.ends), sleep(STOP_POLL_MS, undefined, { ref: false })]);
      await this.giveAway([...left].filter((id) => !this.segments.has(id) && left.delete(id)));
    }
    this.dropAll();
    // What is being written is written, so that nothing begins here afterwards.
    await Promise.race([Promise.all(this.ends), sleep(STOP_MS, undefined, { ref: false })]);
    await this.giveAway([...left]);
  }

  dropAll(): void {
    for (const segment of this.segments.values()) segment.drop();
  }

  private giveAway(ids: readonly string[]): Promise<void> {
    return this.work
      .release(this.tools.store.executor, ids, false)
      .catch((cause: unknown) => this.log.warn('Runs could not be released', { cause }));
  }

  private lingerMs(): number {
    return this.segments.size < MOST_RUNS / 2 ? LINGER_MS.few : LINGER_MS.many;
  }

  /** The rows are as they were before the step that broke; somebody tries it again. */
  private async broke(segment: Segment, cause: unknown): Promise<void> {
    // What was dropped is no longer ours, whatever became of its last step.
    if (segment.isLost) return;
    segment.drop();
    segment.failed(cause);
    await sleep(BROKEN_MS, undefined, { ref: false });
    const { id, executor } = segment.row;
    await this.work.release(executor ?? '', [id]).catch(() => undefined);
  }
}
