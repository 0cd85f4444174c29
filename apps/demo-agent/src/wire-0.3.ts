import { randomUUID } from 'node:crypto';
import type { AgentCard, Artifact, Message, Part as WirePart, Task, TaskStatusUpdateEvent } from '@a2a-js/sdk-0.3';
import {
  type AgentExecutionEvent,
  DefaultRequestHandler,
  type ExecutionEventBus,
  type RequestContext,
} from '@a2a-js/sdk-0.3/server';
import { jsonRpcHandler, restHandler, UserBuilder } from '@a2a-js/sdk-0.3/server/express';
import type { DemoAgent } from './agent.js';
import type { Ledger } from './ledger.js';
import { Performances, type Told } from './performances.js';
import { RecentTasks } from './recent-tasks.js';
import type { Artifact as NeutralArtifact, Heard, Part, TaskState } from './steps.js';
import type { Wire } from './wire.js';

/** What `final` says in 0.3: the turn is over. */
const FINAL: ReadonlySet<TaskState> = new Set(['input-required', 'completed', 'failed', 'rejected', 'canceled']);

/** The agent on A2A 0.3. `card` decides whether streaming is allowed. */
export function wire03(agent: DemoAgent, card: AgentCard, ledger: Ledger): Wire {
  const performances = new Performances();
  const tasks = new RecentTasks<Task>(agent.remembers);
  const executor = {
    execute: async (request: RequestContext, bus: ExecutionEventBus) => {
      const { taskId, contextId } = request;
      ledger.began(request.userMessage.messageId, taskId, contextId);
      const telling = new Telling(request);
      await performances.perform(taskId, agent.behave(heard(request)), (step) => {
        for (const event of telling.eventsOf(step)) bus.publish(event);
      });
      bus.finished();
    },
    cancelTask: async (taskId: string, bus: ExecutionEventBus) => {
      performances.stop(taskId);
      const contextId = tasks.load(taskId)?.contextId ?? '';
      bus.publish(statusEvent(taskId, contextId, 'canceled', [{ text: 'Stopped on request.' }]));
    },
  };
  const store = { load: async (id: string) => tasks.load(id), save: async (saved: Task) => tasks.save(saved) };
  const options = {
    requestHandler: new DefaultRequestHandler(card, store, executor),
    userBuilder: UserBuilder.noAuthentication,
  };
  return { jsonRpc: jsonRpcHandler(options), rest: restHandler(options), close: () => performances.stopAll() };
}

function heard(request: RequestContext): Heard {
  const parts = request.userMessage.parts.map(fromWire);
  const texts = parts.flatMap(({ text }) => text ?? []);
  return { text: texts.join('\n'), parts, answering: request.task !== undefined };
}

/** Turns the steps of one turn into events, beginning with the task. */
class Telling {
  private begun = false;

  constructor(private readonly request: RequestContext) {}

  *eventsOf(step: Told): Iterable<AgentExecutionEvent> {
    const { taskId, contextId } = this.request;
    if (!this.begun && step.kind !== 'message' && step.kind !== 'task') yield this.opening();
    this.begun = true;
    if (step.kind === 'message') yield message(contextId, undefined, step.parts);
    else if (step.kind === 'task') yield this.task(step.state, step.artifacts);
    else if (step.kind === 'status') yield statusEvent(taskId, contextId, step.state, step.parts);
    else {
      const { append = false, lastChunk = false } = step;
      yield { kind: 'artifact-update', taskId, contextId, artifact: artifact(step.artifact), append, lastChunk };
    }
  }

  private opening(): Task {
    const { task: known } = this.request;
    return known === undefined ? this.task('submitted') : { ...known, status: statusOf('working') };
  }

  private task(state: TaskState, artifacts: readonly NeutralArtifact[] = []): Task {
    const { taskId: id, contextId } = this.request;
    return { kind: 'task', id, contextId, status: statusOf(state), artifacts: artifacts.map(artifact) };
  }
}

const statusEvent = (
  taskId: string,
  contextId: string,
  state: TaskState,
  parts?: readonly Part[],
): TaskStatusUpdateEvent => ({
  kind: 'status-update',
  taskId,
  contextId,
  status: { ...statusOf(state), ...(parts && { message: message(contextId, taskId, parts) }) },
  final: FINAL.has(state),
});

const statusOf = (state: TaskState) => ({ state, timestamp: new Date().toISOString() });

const message = (contextId: string, taskId: string | undefined, parts: readonly Part[]): Message => ({
  kind: 'message',
  role: 'agent',
  messageId: randomUUID(),
  contextId,
  ...(taskId !== undefined && { taskId }),
  parts: parts.map(toWire),
});

const artifact = ({ parts, ...rest }: NeutralArtifact): Artifact => ({ ...rest, parts: parts.map(toWire) });

function toWire({ text, data, raw, url, filename: name, mediaType: mimeType }: Part): WirePart {
  if (text !== undefined) return { kind: 'text', text };
  if (raw !== undefined) return { kind: 'file', file: { bytes: raw, name, mimeType } };
  if (url !== undefined) return { kind: 'file', file: { uri: url, name, mimeType } };
  return { kind: 'data', data: data as Record<string, unknown> };
}

function fromWire(part: WirePart): Part {
  if (part.kind === 'text') return { text: part.text };
  if (part.kind === 'data') return { data: part.data };
  const { file } = part;
  const about = { filename: file.name, mediaType: file.mimeType };
  return 'bytes' in file ? { raw: file.bytes, ...about } : { url: file.uri, ...about };
}
