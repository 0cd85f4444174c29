import { DomainError } from '@app/core';
import type { AgentEvent, Artifact, Part, TaskState } from './model.js';
import { HISTORY_LENGTH } from './requests.js';

/** What one task may amount to, in characters: we hold it whole. */
const MAX_SNAPSHOT_LENGTH = 16 * 1024 * 1024;

/** What each part and artifact counts beside its content, so that very many empty ones are too many, too. */
const ITEM_LENGTH = 500;

/** What is known of a task after some of its events. */
export interface TaskSnapshot {
  /** Absent until known, and for ever when the agent answers directly. */
  readonly taskId?: string;
  readonly contextId?: string;
  readonly state: TaskState;
  /** The status message, or the direct answer. */
  readonly message?: readonly Part[];
  readonly artifacts: readonly Artifact[];
  /** What the agent said before that, oldest first. */
  readonly history: readonly (readonly Part[])[];
  /** In characters, about. */
  readonly length: number;
}

export const EMPTY_SNAPSHOT: TaskSnapshot = { state: 'submitted', artifacts: [], history: [], length: 0 };

/** The snapshot after one more event. */
export function foldEvent(before: TaskSnapshot, event: AgentEvent): TaskSnapshot {
  const after = FOLDS[event.kind](before, event as never);
  if (after.length > MAX_SNAPSHOT_LENGTH) {
    throw new DomainError('too_large', `The agent's answer is larger than ${MAX_SNAPSHOT_LENGTH} characters`);
  }
  return event.contextId === undefined ? after : { ...after, contextId: event.contextId };
}

/** The answer of a task: its artifacts, else its status message, else what the agent said along the way. */
export function answerParts(snapshot: TaskSnapshot): readonly Part[] {
  const produced = snapshot.artifacts.flatMap((artifact) => artifact.parts);
  if (produced.length > 0) return produced;
  return snapshot.message?.length ? snapshot.message : joinText(snapshot.history.flat());
}

const FOLDS: {
  [Kind in AgentEvent['kind']]: (before: TaskSnapshot, event: AgentEvent & { kind: Kind }) => TaskSnapshot;
} = {
  task: (before, event) => {
    const artifacts = event.artifacts.map((artifact) => ({ ...artifact, parts: joinText(artifact.parts) }));
    const history = event.history.slice(-HISTORY_LENGTH);
    return {
      contextId: before.contextId,
      taskId: event.taskId,
      state: event.state,
      message: event.message,
      artifacts,
      history,
      length: artifacts.reduce((sum, { parts }) => sum + ITEM_LENGTH + lengthOf(parts), lengthOf(history.flat())),
    };
  },
  status: (before, event) => ({
    ...before,
    taskId: event.taskId,
    state: event.state,
    message: event.message,
    ...supersede(before),
  }),
  artifact: (before, event) => foldArtifact({ ...before, taskId: event.taskId }, event),
  message: (before, event) =>
    before.taskId === undefined
      ? { ...before, state: 'completed', message: event.parts }
      : { ...before, message: event.parts, ...supersede(before) },
};

/** A new status message moves the one before it into the history, as agents themselves do. */
function supersede(before: TaskSnapshot): Pick<TaskSnapshot, 'history' | 'length'> {
  if (!before.message) return { history: before.history, length: before.length };
  const history = [...before.history, before.message];
  const dropped = history.length > HISTORY_LENGTH ? history.shift() : undefined;
  return { history, length: before.length + lengthOf(before.message) - lengthOf(dropped ?? []) };
}

function foldArtifact(before: TaskSnapshot, event: AgentEvent & { kind: 'artifact' }): TaskSnapshot {
  const known = before.artifacts.find((artifact) => artifact.artifactId === event.artifact.artifactId);
  if (!known) {
    const artifact = { ...event.artifact, parts: joinText(event.artifact.parts) };
    return {
      ...before,
      artifacts: [...before.artifacts, artifact],
      length: before.length + ITEM_LENGTH + lengthOf(artifact.parts),
    };
  }
  const base = event.append ? known.parts : [];
  const next = { ...known, ...event.artifact, parts: joinText([...base, ...event.artifact.parts]) };
  return {
    ...before,
    artifacts: before.artifacts.map((artifact) => (artifact === known ? next : artifact)),
    length: before.length + lengthOf(event.artifact.parts) - (event.append ? 0 : lengthOf(known.parts)),
  };
}

/** Joins neighbouring plain texts, since some agents send a part a token, and drops empty ones. */
function joinText(parts: readonly Part[]): readonly Part[] {
  const joined: Part[] = [];
  for (const part of parts) {
    const last = joined.at(-1);
    if (part.text === '') continue;
    if (last && isPlainText(last) && isPlainText(part) && last.mediaType === part.mediaType) {
      joined[joined.length - 1] = { ...last, text: `${last.text}${part.text}` };
    } else {
      joined.push(part);
    }
  }
  return joined;
}

const isPlainText = (part: Part): boolean =>
  part.text !== undefined && part.metadata === undefined && part.filename === undefined;

const lengthOf = (parts: readonly Part[]): number =>
  parts.reduce(
    (sum, { text, raw, url, data, metadata }) =>
      sum +
      (text === undefined ? ITEM_LENGTH : 0) +
      (text ?? raw ?? url ?? '').length +
      (data === undefined ? 0 : JSON.stringify(data).length) +
      (metadata === undefined ? 0 : JSON.stringify(metadata).length),
    0,
  );
