import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JsonObject } from '@app/core';
import { type InputRequest, type Request, RpcCode, RpcError, TASKS_EXTENSION, type Tool } from '@app/mcp-protocol';
import { accepted, form } from './mcp-fixture-input-tools.js';
import { text, tool } from './mcp-fixture-tools.js';

type Status = 'working' | 'input_required' | 'completed' | 'failed' | 'cancelled';
type Ask = (key: string, question: InputRequest) => Promise<JsonObject>;
type Job = (args: JsonObject, signal: AbortSignal, ask: Ask) => Promise<JsonObject>;

interface Waiting {
  question: InputRequest;
  answer: (answer: JsonObject) => void;
}

/** One task in memory. */
class FixtureTask {
  readonly id = randomUUID();
  private readonly createdAt = new Date().toISOString();
  private lastUpdatedAt = this.createdAt;
  private status: Status = 'working';
  private outcome: JsonObject = {};
  private readonly abort = new AbortController();
  private readonly waiting = new Map<string, Waiting>();

  constructor(job: Job, args: JsonObject) {
    job(args, this.abort.signal, (key, question) => this.ask(key, question)).then(
      (result) => this.become('completed', { result: { ...result, resultType: 'complete' } }),
      (error: unknown) => this.become('failed', { error: asError(error) }),
    );
  }

  get view(): JsonObject {
    const { id, status, createdAt, lastUpdatedAt } = this;
    const questions = Object.fromEntries([...this.waiting].map(([key, { question }]) => [key, question]));
    return {
      taskId: id,
      status,
      createdAt,
      lastUpdatedAt,
      ttlMs: 300_000,
      pollIntervalMs: 200,
      ...this.outcome,
      ...(status === 'input_required' && { inputRequests: questions }),
    };
  }

  update(answers: JsonObject): void {
    for (const [key, answer] of Object.entries(answers)) this.waiting.get(key)?.answer(answer as JsonObject);
  }

  cancel(): void {
    this.become('cancelled');
    this.abort.abort();
  }

  private ask(key: string, question: InputRequest): Promise<JsonObject> {
    return new Promise((resolve) => {
      const answer = (given: JsonObject): void => {
        this.waiting.delete(key);
        if (this.waiting.size === 0) this.become('working');
        resolve(given);
      };
      this.waiting.set(key, { question, answer });
      this.become('input_required');
    });
  }

  private become(status: Status, outcome: JsonObject = {}): void {
    if (this.status !== 'working' && this.status !== 'input_required') return;
    this.status = status;
    this.outcome = outcome;
    this.lastUpdatedAt = new Date().toISOString();
  }
}

/** The Tasks extension, in memory. */
export class FixtureTasks {
  private readonly tasks = new Map<string, FixtureTask>();

  readonly tools: Tool[] = [
    tool('greet', ({ name }) => text(`Hello, ${String(name)}!`), { name: { type: 'string' } }),
    this.taskTool('slow_compute', slowCompute, { seconds: { type: 'number' }, label: { type: 'string' } }),
    this.taskTool('protocol_error_job', protocolError),
    this.taskTool('confirm_delete', confirmDelete, { filename: { type: 'string' } }),
    this.taskTool('multi_input', multiInput),
    tool('failing_job', (args, request) => {
      request.requireExtension(TASKS_EXTENSION);
      return this.start(failingJob, args);
    }),
    tool('test_tool_with_task', (args, request) => {
      request.requireExtension(TASKS_EXTENSION);
      const name = accepted(request, 'user_input')?.name;
      if (!name) return request.inputRequired({ user_input: form('Your name?', { name: { type: 'string' } }) });
      return this.start(async () => {
        await sleep(50);
        return text(`composed ${JSON.stringify(name)}`);
      }, args);
    }),
  ];

  readonly get = ({ params }: Request): JsonObject => this.find(params).view;

  readonly update = ({ params }: Request): JsonObject => {
    this.find(params).update((params.inputResponses ?? {}) as JsonObject);
    return {};
  };

  readonly cancel = ({ params }: Request): JsonObject => {
    this.find(params).cancel();
    return {};
  };

  /** A task for clients that know them, except for work that takes no time. */
  private taskTool(name: string, job: Job, properties?: JsonObject): Tool {
    const noAnswer: Ask = () => Promise.resolve({ action: 'cancel' });
    const call = (args: JsonObject, request: Request): JsonObject | Promise<JsonObject> =>
      request.hasExtension(TASKS_EXTENSION) && args.seconds !== 0
        ? this.start(job, args)
        : job(args, request.signal, noAnswer);
    return tool(name, call, properties);
  }

  private start(job: Job, args: JsonObject): JsonObject {
    const task = new FixtureTask(job, args);
    this.tasks.set(task.id, task);
    return { resultType: 'task', ...task.view };
  }

  private find({ taskId }: JsonObject): FixtureTask {
    const task = this.tasks.get(String(taskId));
    if (!task) throw new RpcError(RpcCode.invalidParams, `Unknown task: ${String(taskId)}`);
    return task;
  }
}

const slowCompute: Job = async ({ seconds = 0, label }, signal) => {
  await sleep(Number(seconds) * 1000, undefined, { signal });
  return text(`computed ${String(label)} in ${String(seconds)}s`);
};

const failingJob: Job = async () => {
  await sleep(50);
  return { ...text('job failed'), isError: true };
};

const protocolError: Job = async () => {
  await sleep(50);
  throw new RpcError(RpcCode.internal, 'protocol failure');
};

const confirmDelete: Job = async ({ filename }, _signal, ask) => {
  const answer = await ask('confirm', form(`Delete ${String(filename)}?`, { confirm: { type: 'boolean' } }));
  const isConfirmed = answer.action === 'accept' && (answer.content as { confirm?: boolean }).confirm === true;
  return text(isConfirmed ? `Deleted ${String(filename)}` : 'Kept');
};

const multiInput: Job = async (_args, _signal, ask) => {
  const answers = await Promise.all([
    ask('first', form('First?', { name: { type: 'string' } })),
    ask('second', form('Second?', { age: { type: 'integer' } })),
  ]);
  return text(JSON.stringify(answers.map(({ content }) => content)));
};

const asError = (error: unknown): JsonObject => ({
  code: error instanceof RpcError ? error.code : RpcCode.internal,
  message: error instanceof Error ? error.message : 'failed',
});
