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
    if (resting) this.meter.ended(run.view);
  }

  /** By a caller; whoever works on it hears of it, and tells the agent. */
  canceled(view: TaskView): void {
    this.meter.ended(view);
    this.feeds.changed(view.taskId, view.lastSeq);
    this.hints.publish(CANCELED, { task: view.taskId });
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
