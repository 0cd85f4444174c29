import { randomUUID } from 'node:crypto';
import {
  AgentCard,
  type ListTasksRequest,
  type ListTasksResponse,
  Message,
  Task,
  TaskArtifactUpdateEvent,
  TaskStatusUpdateEvent,
} from '@a2a-js/sdk';
import {
  AgentEvent,
  type AgentExecutionEvent,
  DefaultRequestHandler,
  type RequestContext,
  type TaskStore,
} from '@a2a-js/sdk/server';
import { jsonRpcHandler, restHandler, UserBuilder } from '@a2a-js/sdk/server/express';
import type { DemoAgent } from './agent.js';
import type { Ledger } from './ledger.js';
import { Performances, type Told } from './performances.js';
import { RecentTasks } from './recent-tasks.js';
import type { Heard, Part, TaskState } from './steps.js';
import type { Wire } from './wire.js';

const PAGE_SIZE = 50;
type JsonObject = Record<string, unknown>;

/** The agent on A2A 1.0. `card` decides the version, the bindings and whether streaming is allowed. */
export function wire10(agent: DemoAgent, card: JsonObject, ledger: Ledger): Wire {
  const performances = new Performances();
  const tasks = new RecentTasks<Task>(agent.remembers);
  const executor = {
    execute: async (request: RequestContext, bus: { publish(event: AgentExecutionEvent): void }) => {
      const { taskId, contextId } = request;
      ledger.began(request.userMessage.messageId, taskId, contextId);
      const telling = new Telling(request);
      await performances.perform(taskId, agent.behave(heard(request)), (step) => {
        for (const event of telling.eventsOf(step)) bus.publish(event);
      });
    },
    cancelTask: async (taskId: string, bus: { publish(event: AgentExecutionEvent): void }) => {
      performances.stop(taskId);
      const contextId = tasks.load(taskId)?.contextId ?? '';
      bus.publish(statusEvent(taskId, contextId, 'canceled', [{ text: 'Stopped on request.' }]));
    },
  };
  const requestHandler = new DefaultRequestHandler(
    AgentCard.fromJSON(card),
    taskStore(tasks),
    executor,
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
    // A bus kept for an answer that never comes would stay for ever.
    { keepBusAliveStates: [] },
  );
  const options = { requestHandler, userBuilder: UserBuilder.noAuthentication };
  return { jsonRpc: jsonRpcHandler(options), rest: restHandler(options), close: () => performances.stopAll() };
}

function heard(request: RequestContext): Heard {
  const { parts = [] } = Message.toJSON(request.userMessage) as { parts?: Part[] };
  const texts = parts.flatMap(({ text }) => text ?? []);
  return { text: texts.join('\n'), parts, answering: request.task !== undefined };
}

/** Turns the steps of one turn into events; A2A 1.0 wants a task (or a message) first. */
class Telling {
  private begun = false;

  constructor(private readonly request: RequestContext) {}

  *eventsOf(step: Told): Iterable<AgentExecutionEvent> {
    const { taskId, contextId } = this.request;
    if (!this.begun && step.kind !== 'message' && step.kind !== 'task') yield this.opening();
    this.begun = true;
    if (step.kind === 'message') yield AgentEvent.message(message(contextId, '', step.parts));
    else if (step.kind === 'task') yield AgentEvent.task(task(taskId, contextId, step.state, step.artifacts));
    else if (step.kind === 'status') yield statusEvent(taskId, contextId, step.state, step.parts);
    else yield AgentEvent.artifactUpdate(TaskArtifactUpdateEvent.fromJSON({ taskId, contextId, ...step }));
  }

  private opening(): AgentExecutionEvent {
    const { taskId, contextId, task: known } = this.request;
    const opened = task(taskId, contextId, known === undefined ? 'submitted' : 'working');
    return AgentEvent.task(known === undefined ? opened : { ...known, status: opened.status });
  }
}

const task = (id: string, contextId: string, state: TaskState, artifacts: readonly unknown[] = []): Task =>
  Task.fromJSON({ id, contextId, status: statusOf(state), artifacts });

const statusEvent = (taskId: string, contextId: string, state: TaskState, parts?: readonly Part[]) =>
  AgentEvent.statusUpdate(
    TaskStatusUpdateEvent.fromJSON({
      taskId,
      contextId,
      status: { ...statusOf(state), message: parts && Message.toJSON(message(contextId, taskId, parts)) },
    }),
  );

const statusOf = (state: TaskState) => ({
  state: `TASK_STATE_${state.replace('-', '_').toUpperCase()}`,
  timestamp: new Date().toISOString(),
});

const message = (contextId: string, taskId: string, parts: readonly Part[]): Message =>
  Message.fromJSON({ messageId: randomUUID(), contextId, taskId, role: 'ROLE_AGENT', parts });

const taskStore = (tasks: RecentTasks<Task>): TaskStore => ({
  load: async (id) => tasks.load(id),
  save: async (saved) => tasks.save(saved),
  list: async (request) => page(tasks.newestFirst(), request),
});

function page(all: readonly Task[], request: ListTasksRequest): ListTasksResponse {
  const fitting = all.filter(
    ({ contextId, status }) =>
      (request.contextId === '' || contextId === request.contextId) &&
      (request.status === 0 || status?.state === request.status),
  );
  const from = Number(request.pageToken || 0);
  const pageSize = request.pageSize ?? PAGE_SIZE;
  const tasks = fitting
    .slice(from, from + pageSize)
    .map((found) => ({ ...structuredClone(found), ...(request.includeArtifacts ? {} : { artifacts: [] }) }));
  const more = from + tasks.length < fitting.length;
  return { tasks, pageSize, totalSize: fitting.length, nextPageToken: more ? String(from + tasks.length) : '' };
}
