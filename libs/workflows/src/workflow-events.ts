import { type Caller, DomainError, isJsonObject } from '@app/core';
import { Expressions } from '@app/expressions';
import { Log } from '@app/telemetry';
import { RunStore } from '@app/tasks';
import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { EventMatcher, type Taking } from './event-matcher.js';
import type { Frame, Leaf } from './frame.js';
import { keyOf } from './listening.js';
import type { RunHere } from './run-here.js';
import { type InboxEvent, listeningRuns, noteLooked, offerEvents, readOffers } from './sql-offers.js';

/** What was put into the inbox by a process that died before it told anybody is told after this. */
const SWEEP_MS = 2_000;
/** Events delivered in one transaction. */
const BATCH = 50;
/** Events from before it was opened that one `listen` looks at, at most. */
const MOST_LOOKED_AT = 10_000;
const PAGE = 500;
/** How long an event waits for somebody to listen. */
const KEPT_HOURS = 24;

interface InboxRow {
  readonly position: string;
  readonly type: string;
  readonly event: Record<string, unknown>;
}

/** Events that come in, and the runs that listen for them. */
@Injectable()
export class WorkflowEvents implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly log = new Log('Workflows');
  private readonly matcher: EventMatcher;
  private timer: NodeJS.Timeout | undefined;
  private delivering: Promise<void> | undefined;
  private again = false;
  private stopped = false;

  constructor(
    private readonly db: DataSource,
    private readonly store: RunStore,
    expressions: Expressions,
  ) {
    this.matcher = new EventMatcher(expressions);
  }

  onApplicationBootstrap(): void {
    this.schedule();
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.delivering;
  }

  /** @returns false: an event of this source and id came before (CloudEvents 1.0, "source": the two are unique) */
  async publish(
    caller: Pick<Caller, 'id'>,
    event: Record<string, unknown> & { source: string; id: string; type: string },
  ): Promise<boolean> {
    const rows: unknown[] = await this.db.query(
      `insert into workflow_inbox (source, id, type, event, sent_by) values ($1, $2, $3, $4, $5)
       on conflict (source, id) do nothing returning 1`,
      [event.source, event.id, event.type, JSON.stringify(event), caller.id],
    );
    if (rows.length > 0) this.nudge();
    return rows.length > 0;
  }

  /** There is something to deliver. */
  nudge(): void {
    this.again = true;
    this.delivering ??= this.deliverAll().finally(() => (this.delivering = undefined));
  }

  /** Takes the events that a `listen` waits for out of the inbox. Only by the owner of the run. */
  async lookFor(segment: RunHere, frame: Frame, { effect, handle, taken = [] }: Leaf): Promise<void> {
    if (effect.kind !== 'listen' || handle === undefined) return;
    const seen = new Set([...segment.run.consumed, ...taken.map(({ position }) => position)]);
    const taking = this.matcher.taking(effect.to, taken);
    const offer = async ({ position, event }: InboxEvent) => {
      if (!seen.has(position) && !taking.isDone) await taking.offer(position, event);
      seen.add(position);
    };
    const { looked, events } = await readOffers(this.db, handle);
    if (!looked) {
      await this.lookBack(segment.row.created_at, taking, offer);
      if (taking.news.length === 0) await noteLooked(this.db, handle);
    }
    for (const event of events) await offer(event);
    if (taking.news.length === 0) return;
    const outcome = taking.isDone
      ? ({ kind: 'output', output: taking.output(effect.read) } as const)
      : ({ kind: 'waits' } as const);
    segment.tell(frame.id, outcome, taking.news);
  }

  /** What came since the run began counts, too. */
  private async lookBack(since: Date, taking: Taking, offer: (event: InboxEvent) => Promise<void>): Promise<void> {
    let after = 0;
    for (let looked = 0; looked < MOST_LOOKED_AT && !taking.isDone; looked += PAGE) {
      const page = await this.page(taking.types, since, after);
      for (const event of page) await offer(event);
      after = page.at(-1)?.position ?? after;
      if (page.length < PAGE) return;
    }
  }

  private async page(types: readonly string[] | null, since: Date, after: number): Promise<InboxEvent[]> {
    const rows: InboxRow[] = await this.db.query(
      `select position, type, event from workflow_inbox
       where position > $1 and received_at >= $2 and ($3::text[] is null or type = any ($3))
       order by position limit ${PAGE}`,
      [after, since, types],
    );
    return rows.map(({ position, event }) => ({ position: Number(position), event }));
  }

  private schedule(): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      this.nudge();
      this.schedule();
    }, SWEEP_MS).unref();
  }

  private async deliverAll(): Promise<void> {
    while (this.again && !this.stopped) {
      this.again = false;
      try {
        const woken = await this.db.transaction((manager) => this.deliver(manager));
        if (woken === undefined) continue;
        for (const id of woken) this.store.announceWake(id);
        this.again = true;
      } catch (cause) {
        this.log.debug('Events could not be delivered; the next look does', { cause });
      }
    }
  }

  /** @returns the runs that were woken; undefined: there was nothing to deliver */
  private async deliver(manager: EntityManager): Promise<readonly string[] | undefined> {
    const rows: InboxRow[] = await manager.query(
      `select position, type, event from workflow_inbox where not delivered
       order by received_at limit ${BATCH} for update skip locked`,
    );
    if (rows.length === 0) return undefined;
    const patterns: { pattern: string }[] = await manager.query('select pattern from workflow_patterns');
    const events = await this.withKeys(
      rows,
      patterns.map(({ pattern }) => pattern),
    );
    const runs = await listeningRuns(
      manager,
      events.flatMap(({ keys }) => keys),
    );
    if (runs.length > 0) {
      await this.store.wake(runs, manager);
      await offerEvents(manager, events);
    }
    await manager.query('update workflow_inbox set delivered = true where position = any ($1)', [
      rows.map(({ position }) => position),
    ]);
    return runs;
  }

  private async withKeys(
    rows: readonly InboxRow[],
    patterns: readonly string[],
  ): Promise<{ position: string; keys: string[] }[]> {
    const all: { position: string; keys: string[] }[] = [];
    for (const { position, type, event } of rows) {
      const keys: string[] = [];
      for (const pattern of patterns) {
        const [wanted = '*', ...froms] = JSON.parse(pattern) as string[];
        if (wanted !== '*' && wanted !== type) continue;
        const values = await this.matcher.valuesOf(froms, event);
        if (values !== undefined) keys.push(keyOf(wanted, froms, values));
      }
      all.push({ position, keys });
    }
    return all;
  }

  /** Removes what nobody can be listening for any more. */
  async removeOld(): Promise<void> {
    await this.db.query(
      `delete from workflow_inbox where delivered and received_at < now() - interval '${KEPT_HOURS} hours'`,
    );
  }
}

/** A CloudEvent in its JSON form (CloudEvents 1.0, JSON format). @throws DomainError invalid */
export function cloudEvent(given: unknown): Record<string, unknown> & { source: string; id: string; type: string } {
  if (!isJsonObject(given)) throw new DomainError('invalid', 'expected a CloudEvent: an object');
  for (const name of ['specversion', 'id', 'source', 'type'])
    if (typeof given[name] !== 'string' || given[name] === '')
      throw new DomainError('invalid', `${name}: expected a text, as CloudEvents 1.0 requires`);
  if (given.specversion !== '1.0') throw new DomainError('invalid', 'specversion: expected "1.0"');
  const wrong = Object.keys(given).find((name) => !ATTRIBUTE.test(name));
  if (wrong !== undefined)
    throw new DomainError(
      'invalid',
      `${wrong}: expected attributes of lower-case letters and digits (CloudEvents 1.0)`,
    );
  return given as Record<string, unknown> & { source: string; id: string; type: string };
}

/** CloudEvents 1.0, "Naming Conventions", and the two members that hold the data. */
const ATTRIBUTE = /^(?:[a-z0-9]+|data_base64)$/;
