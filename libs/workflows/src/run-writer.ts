import type { AuditEvent } from '@app/audit';
import type { Flushed, FlushItem, StoredEvent, TaskRow } from '@app/tasks';
import { Draft, type Result } from './draft.js';
import type { Problem } from './frame.js';
import { patiently } from './patience.js';
import { scheduleNext } from './schedule.js';
import type { RunTools } from './run-tools.js';
import type { RunHere } from './run-here.js';
import { type Question, writeState } from './sql-state.js';
import { stepEvent } from './step-events.js';
import { partsOfOutput } from './step-output.js';

type State = TaskRow['state'];

/** Writes what became of a run: all of it in one transaction that is fenced by who owns the run. */
export class RunWriter {
  constructor(
    private readonly segment: RunHere,
    private readonly tools: RunTools,
  ) {}

  write(draft: Draft): Promise<void> {
    return this.put(draft, this.itemOf(draft));
  }

  /** Tells whoever follows the run what people are asked. It stays here: others of its threads may be at work. */
  ask([question, ...others]: readonly [Question, ...Question[]]): Promise<void> {
    return this.put(new Draft(this.segment.run), this.askingItem(question, others.length));
  }

  private async put(draft: Draft, item: FlushItem): Promise<void> {
    const written = await this.stored(draft, item);
    if (written === undefined) {
      this.forget(draft);
      this.segment.drop();
      return;
    }
    const row = { ...this.segment.row, ...written, inbox: [], state: item.state, error: null };
    const { message = null, history = [] } = item.rest ?? {};
    this.segment.written(draft, {
      ...row,
      message,
      history,
      rested_at: item.rest === null ? null : written.updated_at,
    });
    this.tools.store.told(this.segment.row, item);
    this.tools.meter.stepsEnded(this.segment.run.definition, draft.ended);
    if (item.rest?.final === true) this.tools.meter.ended(this.segment.row);
    await this.tools.store.canceledSteps(draft.canceled);
  }

  /** Nothing of it was written: what was reserved is free. */
  forget(draft: Draft): void {
    for (const task of draft.calls) this.tools.store.forget(task);
  }

  /** Lets go of a run that waits. @returns whether it is not ours any more */
  letGo(again: number | null): Promise<boolean> {
    const { id, executor, epoch } = this.segment.row;
    return this.tools.store.park({ id, executor: executor ?? '', epoch, again });
  }

  private itemOf({ events, result }: Draft): FlushItem {
    const { row, run } = this.segment;
    const state = result === undefined ? 'working' : stateOf(result);
    const at = new Date();
    const start: StoredEvent[] = row.last_seq === 0 ? [lifecycle('started', { workflow: run.name })] : [];
    const status: StoredEvent[] = state === row.state ? [] : [{ at, kind: 'status', body: { state } }];
    const end = result === undefined ? [] : [endOf(result), ...status, { at, kind: 'result', body: {} }];
    const told = [...start, ...(result === undefined ? status : []), ...events, ...end];
    return {
      ...this.bare(state, told),
      rest: result === undefined ? null : restOf(result),
      audit: this.auditOf(result),
    };
  }

  private askingItem({ prompt, schema }: Question, others: number): FlushItem {
    const more = others > 0 ? [{ text: `${others} more questions are open` }] : [];
    const message = [{ text: prompt }, ...(schema === undefined || schema === null ? [] : [{ data: schema }]), ...more];
    const at = new Date();
    const events: StoredEvent[] = [
      { at, kind: 'status', body: { state: 'input-required', message } },
      { at, kind: 'result', body: {} },
    ];
    const nothing = { final: false, said: 0, history: [], artifacts: [], error: null, again: null, timeout: 0 };
    return { ...this.bare('input-required', events), rest: { ...nothing, message, kept: true } };
  }

  private bare(state: State, events: readonly StoredEvent[]): FlushItem {
    const { id, executor, epoch, last_seq: base } = this.segment.row;
    const none = { upstream: null, context: null, heard: false, rest: null, audit: null };
    return { ...none, id, executor: executor ?? '', epoch, base, state, events };
  }

  private auditOf(result: Result | undefined): AuditEvent | null {
    if (result === undefined) return null;
    const { id, principal, created_at } = this.segment.row;
    const { name, credential, address } = this.segment.run;
    const detail = {
      workflow: name,
      startedAt: created_at.toISOString(),
      ...('problem' in result && { error: result.problem.type }),
    };
    const who = { principal, keyId: credential.slice(0, 64), address: address ?? undefined };
    return { kind: 'call', action: 'workflows:run', outcome: stateOf(result), ...who, subject: id, detail };
  }

  private stored(draft: Draft, item: FlushItem): Promise<Flushed | undefined> {
    return patiently(
      () => this.segment.isLost,
      async (tries) => {
        const written = await this.commit(draft, item);
        return written === undefined && tries > 0 ? this.arrived(draft, item) : written;
      },
    );
  }

  private async commit(draft: Draft, item: FlushItem): Promise<Flushed | undefined> {
    const { db, store, starter } = this.tools;
    const begun: (() => void)[] = [];
    const written = await db.transaction(async (manager) => {
      begun.length = 0;
      // In the order in which those that end on their own are locked, which wake this run: the steps before the run.
      await store.lockSteps(manager, draft.canceled);
      const flushed = await store.write(manager, item);
      if (flushed === undefined) return undefined;
      await writeState(manager, item.id, draft.change());
      if (draft.result !== undefined) await scheduleNext(manager, this.segment.run);
      for (const task of draft.calls) {
        const stored = await store.insert(manager, task);
        begun.push(() => store.begin(task, stored));
      }
      for (const run of draft.runs) await starter.insert(manager, run);
      const { row, run } = this.segment;
      await store.cancelSteps(manager, draft.canceled, { id: row.principal, keyId: run.credential.slice(0, 64) });
      return flushed;
    });
    if (written !== undefined) {
      for (const begin of begun) begin();
      if (draft.runs.length > 0) store.lookForWork();
    }
    return written;
  }

  /** An earlier try may have arrived, though its answer got lost. */
  private async arrived(draft: Draft, { id, epoch, base, events }: FlushItem): Promise<Flushed | undefined> {
    const { store } = this.tools;
    const row = await store.read(id);
    if (row?.epoch !== epoch || row.last_seq !== base + events.length) return undefined;
    for (const task of draft.calls) await store.beginStored(task);
    if (draft.runs.length > 0) store.lookForWork();
    return row;
  }
}

const stateOf = (result: Result): State =>
  'output' in result ? 'completed' : 'problem' in result ? 'failed' : 'canceled';

function restOf(result: Result): NonNullable<FlushItem['rest']> {
  const nothing = {
    final: true,
    said: 0,
    message: null,
    history: [],
    artifacts: [],
    error: null,
    again: null,
    timeout: 0,
  };
  if ('output' in result)
    return { ...nothing, artifacts: [{ artifactId: 'output', name: 'output', parts: partsOfOutput(result.output) }] };
  if ('problem' in result)
    return { ...nothing, message: [{ text: sentenceOf(result.problem) }, { data: result.problem }] };
  return nothing;
}

const sentenceOf = ({ title, detail, type, instance }: Problem): string =>
  `${title ?? type}${detail === undefined ? '' : `: ${detail}`}${instance === undefined ? '' : ` (at ${instance})`}`;

const endOf = (result: Result): StoredEvent =>
  'output' in result
    ? lifecycle('completed')
    : 'problem' in result
      ? lifecycle('faulted', { error: result.problem })
      : lifecycle('cancelled');

const lifecycle = (what: string, detail?: Record<string, unknown>): StoredEvent => {
  const { type, ...body } = stepEvent(what, '', { task: '', key: '' }, detail);
  return { at: new Date(), kind: 'step', body: { ...body, type: type.replace('.task.', '.workflow.') } };
};
