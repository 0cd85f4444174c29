import { Hints } from '@app/cache';
import { Log } from '@app/telemetry';
import { Injectable } from '@nestjs/common';
import { Feeds } from './feeds.js';
import { SessionsService } from './sessions.service.js';
import type { TaskEvent, TaskView } from './task-event.js';
import { TaskMeter } from './task-meter.js';
import type { TaskRow } from './task-row.js';
import type { TaskRun } from './task-run.js';

const CANCELED = 'canceled';
const WOKEN = 'woken';

/** Who hears of what is committed: followers, counters, sessions. */
@Injectable()
export class TaskOutlet {
  private readonly log = new Log('Tasks');

  constructor(
    private readonly feeds: Feeds,
    private readonly meter: TaskMeter,
    private readonly sessions: SessionsService,
    private readonly hints: Hints,
  ) {}

  created({ agent }: TaskRow): void {
    this.meter.created(agent);
  }

  takenOver(): void {
    this.meter.takenOver();
  }

  own(id: string, running: number): void {
    this.feeds.own(id);
    this.meter.running(running);
  }

  disown(id: string, running: number): void {
    this.feeds.disown(id);
    this.meter.running(running);
  }

  told(run: TaskRun, events: readonly TaskEvent[], resting: boolean): void {
    this.feeds.of(run.row.id)?.add(events, resting, resting ? run.view : undefined);
    if (!resting) return;
    this.meter.ended(run.view);
    if (run.row.parent !== null) this.woken(run.row.parent);
  }

  /** What happened to a run that is worked on here. */
  toldRun(view: TaskView, resting: boolean): void {
    this.feeds.changed(view.taskId, view.lastSeq);
    if (!resting) return;
    this.meter.ended(view);
    if (view.parentId !== undefined) this.woken(view.parentId);
  }

  /** By a caller; whoever works on it hears of it, and tells the agent. */
  canceled(view: TaskView): void {
    this.meter.ended(view);
    this.feeds.changed(view.taskId, view.lastSeq);
    this.hints.publish(CANCELED, { task: view.taskId });
    if (view.parentId !== undefined) this.woken(view.parentId);
  }

  /** Something happened to a run; whoever owns it hears of it. */
  woken(id: string): void {
    this.hints.publish(WOKEN, { task: id });
  }

  /** Call what comes back to stop listening. */
  onWoken(listener: (id: string) => void): () => void {
    return this.hints.subscribe(WOKEN, ({ task }) => listener(String(task)));
  }

  /** Call what comes back to stop listening. */
  onCanceled(listener: (id: string) => void): () => void {
    return this.hints.subscribe(CANCELED, ({ task }) => listener(String(task)));
  }

  learned({ session_id: session, agent }: TaskRow, contextId: string): void {
    if (session === null) return;
    this.sessions
      .remember(session, agent, contextId)
      .catch((cause: unknown) =>
        this.log.warn('A session could not be told its conversation', { session, agent, cause }),
      );
  }
}
