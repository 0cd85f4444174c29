import { Injectable } from '@nestjs/common';
import { type Caller, DomainError, isJsonObject, type JsonObject } from '@app/core';
import { type Host, type Request, RpcCode, RpcError } from '@app/mcp-protocol';
import { TasksService } from '@app/tasks';
import { expectedFailure } from './expected-failure.js';
import { answerParts } from './questions.js';
import { taskStatus } from './task-handle.js';
import { TaskQuestions } from './task-questions.js';

type Extension = NonNullable<Host<Caller>['tasks']>;

/** The Tasks extension over our rows: any replica answers for any task of the caller. */
@Injectable()
export class TasksExtension implements Extension {
  constructor(
    private readonly tasks: TasksService,
    private readonly questions: TaskQuestions,
  ) {}

  readonly get = (request: Request<Caller>): Promise<JsonObject> =>
    known(async () => {
      const task = await this.tasks.get(request.principal, taskIdOf(request));
      return taskStatus(task, await this.questions.of(request.principal, task));
    });

  /** A declined question stays open. */
  readonly update = (request: Request<Caller>): Promise<JsonObject> =>
    known(async () => {
      const task = await this.tasks.get(request.principal, taskIdOf(request));
      const question = await this.questions.of(request.principal, task);
      const answers = isJsonObject(request.params.inputResponses) ? request.params.inputResponses : {};
      const answer = question === undefined ? undefined : answers[question.key];
      if (question !== undefined && isJsonObject(answer) && answer.action === 'accept' && question.kind !== 'authorize')
        await this.questions.answer(request.principal, task.taskId, question.key, answerParts(question, answer));
      return {};
    });

  readonly cancel = (request: Request<Caller>): Promise<JsonObject> =>
    known(async () => {
      await this.tasks.cancel(request.principal, taskIdOf(request));
      return {};
    });
}

function taskIdOf({ params }: Request<Caller>): string {
  if (typeof params.taskId !== 'string')
    throw new RpcError(RpcCode.invalidParams, 'Invalid params: taskId must be a string');
  return params.taskId;
}

/** An expected failure is the client's to know; anything else stays opaque. */
async function known(work: () => Promise<JsonObject>): Promise<JsonObject> {
  try {
    return await work();
  } catch (error) {
    const failure = expectedFailure(error);
    if (failure === undefined) throw error;
    throw new RpcError(error instanceof DomainError ? RpcCode.invalidParams : RpcCode.refused, failure);
  }
}
