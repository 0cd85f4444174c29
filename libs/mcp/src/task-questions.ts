import { Injectable } from '@nestjs/common';
import type { Part } from '@app/a2a';
import type { Caller } from '@app/core';
import { type TaskView, TasksService } from '@app/tasks';
import { Approvals } from '@app/workflows';
import { KEY, type Question, questionRequest, runQuestion } from './questions.js';

/** What tasks ask: agents for themselves, runs what is open of theirs and this caller may answer. */
@Injectable()
export class TaskQuestions {
  constructor(
    private readonly tasks: TasksService,
    private readonly approvals: Approvals,
  ) {}

  /** Undefined: nothing, nothing that this caller may answer, or nothing that a client could ask for. */
  async of(caller: Caller, task: TaskView): Promise<Question | undefined> {
    if (task.kind === 'agent') return questionRequest(task);
    if (task.state !== 'input-required') return undefined;
    const { items } = await this.approvals.list(caller, { run: task.taskId, page_size: 1 });
    return items[0] && runQuestion(items[0]);
  }

  /**
   * @param key of the question
   * @returns the task, with the number of the last event before the answer
   * @throws DomainError not_found, forbidden, conflict (answered, over), invalid (does not fit what is asked for)
   */
  async answer(caller: Caller, taskId: string, key: string, parts: readonly Part[]): Promise<TaskView> {
    if (key === KEY) return this.tasks.answer(caller, taskId, parts);
    const before = await this.tasks.get(caller, taskId);
    await this.approvals.answer(caller, key, parts[0]?.data);
    return before;
  }
}
