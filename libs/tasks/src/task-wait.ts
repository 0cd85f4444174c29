import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { Call } from '@app/core';
import { isDatabaseAway } from '@app/database';
import type { TaskView } from './task-event.js';
import { TasksService } from './tasks.service.js';

/** Waits a while for the turn of a task to be over. */
@Injectable()
export class TaskWait implements OnModuleDestroy {
  private readonly waits = new Set<AbortController>();
  private stopping = false;

  constructor(private readonly tasks: TasksService) {}

  /**
   * What came of the task; the task as it is when the time is up, the caller is gone or this process ends. It goes on in
   * any case, and so a database that is away meanwhile is no failure: the caller has to know the task.
   */
  async settled(call: Call, task: TaskView, seconds: number): Promise<TaskView> {
    try {
      return (await this.result(call, task, seconds)) ?? (await this.tasks.get(call.caller, task.taskId));
    } catch (error) {
      if (isDatabaseAway(error)) return task;
      throw error;
    }
  }

  /** Before the server waits for open answers to end. */
  onModuleDestroy(): void {
    this.stopping = true;
    for (const wait of this.waits) wait.abort();
  }

  private async result(call: Call, { taskId, lastSeq }: TaskView, seconds: number): Promise<TaskView | undefined> {
    if (this.stopping || call.signal.aborted) return undefined;
    const wait = new AbortController();
    const end = () => wait.abort();
    const timer = setTimeout(end, seconds * 1_000);
    call.signal.addEventListener('abort', end, { once: true });
    this.waits.add(wait);
    try {
      const events = this.tasks.follow(call.caller, taskId, { from: lastSeq, signal: wait.signal });
      for await (const event of events) if (event.kind === 'result') return event.task;
      return undefined;
    } finally {
      clearTimeout(timer);
      call.signal.removeEventListener('abort', end);
      this.waits.delete(wait);
    }
  }
}
