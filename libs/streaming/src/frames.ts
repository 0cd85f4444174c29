import type { Artifact, Part } from '@app/a2a';
import { outcomeOf, requestView, type RequestView, statusOf } from '@app/control';
import type { StepEvent, TaskEvent, TaskView } from '@app/tasks';

type Status = RequestView['status'];

interface Heading {
  readonly requestId: string;
  readonly ts: string;
  /** Number of the event; `from` of a stream that goes on after it. */
  readonly seq: number;
}

/** What a stream sends: one `start`, a `chunk` for each event, and one `final` or `error`. */
export type Frame = Heading &
  (
    | {
        readonly type: 'start';
        readonly agentId: string;
        readonly capability?: string;
        readonly sessionId?: string;
        readonly status: Status;
      }
    | { readonly type: 'chunk'; readonly kind: 'step'; readonly step: StepEvent }
    | { readonly type: 'chunk'; readonly kind: 'status'; readonly status: Status; readonly content: readonly Part[] }
    | {
        readonly type: 'chunk';
        readonly kind: 'artifact';
        readonly artifact: Omit<Artifact, 'parts'>;
        readonly append: boolean;
        readonly lastChunk: boolean;
        readonly content: readonly Part[];
      }
    /** Replaces everything before it. */
    | ({ readonly type: 'chunk'; readonly kind: 'snapshot'; readonly status: Status } & Outcome)
    | ({ readonly type: 'final'; readonly status: Status } & Outcome)
    | ({ readonly type: 'error'; readonly code: string; readonly message: string; readonly status?: Status } & Outcome)
  );
export type StartFrame = Frame & { readonly type: 'start' };
type Outcome = Pick<RequestView, 'message' | 'result'>;

/** Its number is that of the last event that the client has. */
export function startFrame(task: TaskView, from: number): StartFrame {
  const { requestId, agentId, capability, sessionId, status } = requestView(task);
  return { type: 'start', requestId, ts: now(), seq: from, agentId, capability, sessionId, status };
}

/** `result` is the end: with it the request is over. */
export function frameOf(event: TaskEvent): Frame {
  const heading = { requestId: event.taskId, ts: event.at.toISOString(), seq: event.seq };
  switch (event.kind) {
    case 'status':
      return { type: 'chunk', kind: 'status', ...heading, status: statusOf(event.state), content: event.message ?? [] };
    case 'artifact': {
      const { artifact, append, lastChunk } = event;
      const { parts: content, ...about } = artifact;
      return { type: 'chunk', kind: 'artifact', ...heading, artifact: about, append, lastChunk, content };
    }
    case 'step': {
      const { type, task, frame, key, detail } = event;
      return { type: 'chunk', kind: 'step', ...heading, step: { type, task, frame, key, detail } };
    }
    case 'snapshot': {
      const { message, result } = outcomeOf(event.task);
      return { type: 'chunk', kind: 'snapshot', ...heading, status: statusOf(event.task.state), message, result };
    }
    case 'result': {
      const { error, ...outcome } = outcomeOf(event.task);
      const status = statusOf(event.task.state);
      if (error === undefined) return { type: 'final', ...heading, status, ...outcome };
      return { type: 'error', ...heading, status, ...outcome, ...error };
    }
  }
}

/** The stream itself failed; the request may go on. */
export function failureFrame(requestId: string, seq: number, code: string, message: string): Frame {
  return { type: 'error', requestId, ts: now(), seq, code, message };
}

const now = (): string => new Date().toISOString();
