import { isJsonObject, type JsonObject } from '@app/core';
import { cleanJson, cleanText, optionalText } from './clean.js';
import type { AgentEvent, AgentInterface, Artifact, Part } from './model.js';
import { readState } from './states.js';

/** What is known where a value was read. */
export interface Reading {
  readonly version: AgentInterface['version'];
  /** Stands in where an agent leaves it out. */
  readonly taskId?: string;
}

type Read = (value: JsonObject, reading: Reading) => AgentEvent | undefined;

/** By `kind` (0.3) and by the name of the only member (1.0, and 0.3 over HTTP+JSON, which says `msg` in places). */
const READERS = new Map<string, Read>([
  ['task', readTask],
  ['message', readMessage],
  ['msg', readMessage],
  ['status-update', readStatus],
  ['statusUpdate', readStatus],
  ['artifact-update', readArtifactUpdate],
  ['artifactUpdate', readArtifactUpdate],
]);

/** Reads any answer or stream event of A2A 1.0 and 0.3; undefined when it is none. */
export function readEvent(value: unknown, reading: Reading): AgentEvent | undefined {
  if (!isJsonObject(value)) return undefined;
  const byKind = typeof value.kind === 'string' && READERS.get(value.kind);
  if (byKind) return byKind(value, reading);
  for (const [member, read] of READERS) {
    const inner = value[member];
    if (isJsonObject(inner)) return read(inner, reading);
  }
  return readByShape(value, reading);
}

/** For agents that leave out `kind` (VoltAgent does). */
function readByShape(value: JsonObject, reading: Reading): AgentEvent | undefined {
  if (isJsonObject(value.artifact)) return readArtifactUpdate(value, reading);
  if (Array.isArray(value.parts)) return readMessage(value, reading);
  if (value.status === undefined) return undefined;
  return value.id === undefined ? readStatus(value, reading) : readTask(value, reading);
}

/** Reads a task, bare or wrapped. */
export function readTask(value: unknown, reading: Reading): (AgentEvent & { kind: 'task' }) | undefined {
  if (!isJsonObject(value)) return undefined;
  if (isJsonObject(value.task)) return readTask(value.task, reading);
  const taskId = optionalText(value.id) ?? reading.taskId;
  if (taskId === undefined) return undefined;
  return {
    kind: 'task',
    taskId,
    ...readContext(value),
    ...readStatusMember(value.status, reading),
    artifacts: list(value.artifacts).map((artifact, index) => readArtifact(artifact, index, reading)),
    history: readHistory(value.history, reading),
  };
}

function readStatus(value: JsonObject, reading: Reading): AgentEvent | undefined {
  const taskId = optionalText(value.taskId) ?? reading.taskId;
  if (taskId === undefined) return undefined;
  return { kind: 'status', taskId, ...readContext(value), ...readStatusMember(value.status, reading) };
}

function readArtifactUpdate(value: JsonObject, reading: Reading): AgentEvent | undefined {
  const taskId = optionalText(value.taskId) ?? reading.taskId;
  if (taskId === undefined || !isJsonObject(value.artifact)) return undefined;
  return {
    kind: 'artifact',
    taskId,
    ...readContext(value),
    artifact: readArtifact(value.artifact, 0, reading),
    append: value.append === true,
    lastChunk: value.lastChunk === true,
  };
}

function readMessage(value: JsonObject, reading: Reading): AgentEvent {
  return { kind: 'message', ...readContext(value), parts: readParts(value, reading) ?? [] };
}

function readContext(value: JsonObject): { contextId?: string } {
  const contextId = optionalText(value.contextId);
  return contextId === undefined ? {} : { contextId };
}

function readStatusMember(value: unknown, reading: Reading) {
  if (!isJsonObject(value)) return { state: readState(value) };
  const message = readParts(value.message, reading);
  return { state: readState(value.state), ...(message?.length ? { message } : {}) };
}

/** Agents that give no artifactId are taken to mean the artifact of that name, or of that place in the list. */
function readArtifact(value: JsonObject, index: number, reading: Reading): Artifact {
  const name = optionalText(value.name);
  const description = optionalText(value.description);
  return {
    artifactId: optionalText(value.artifactId) ?? name ?? `artifact-${index + 1}`,
    ...(name !== undefined && { name }),
    ...(description !== undefined && { description }),
    parts: readParts(value, reading) ?? [],
  };
}

/** The agent's messages after the last one of ours: earlier turns were answered before. */
function readHistory(value: unknown, reading: Reading): Part[][] {
  const messages = list(value);
  const lastOfOurs = messages.findLastIndex((message) => /user/i.test(String(message.role)));
  return messages.slice(lastOfOurs + 1).flatMap((message) => {
    const parts = readParts(message, reading);
    return parts?.length ? [parts] : [];
  });
}

/** The parts of a message or an artifact; 0.3 over HTTP+JSON calls them `content`, some agents give a mere string. */
export function readParts(value: unknown, reading: Reading): Part[] | undefined {
  if (typeof value === 'string') return value === '' ? [] : [{ text: cleanText(value) }];
  if (!isJsonObject(value)) return undefined;
  const parts = Array.isArray(value.parts) ? value.parts : value.content;
  return Array.isArray(parts) ? parts.flatMap((part) => readPart(part, reading) ?? []) : undefined;
}

function readPart(value: unknown, reading: Reading): Part | undefined {
  if (typeof value === 'string') return { text: cleanText(value) };
  if (!isJsonObject(value)) return undefined;
  const metadata = isJsonObject(value.metadata) ? (cleanJson(value.metadata) as JsonObject) : undefined;
  const described = metadata && Object.keys(metadata).length > 0 ? { metadata } : {};
  if (typeof value.text === 'string') return { text: cleanText(value.text), ...readFileLabels(value), ...described };
  const file = isJsonObject(value.file) ? value.file : value;
  const raw = file.raw ?? file.bytes ?? file.fileWithBytes;
  if (typeof raw === 'string') return { raw: cleanText(raw), ...readFileLabels(file), ...described };
  const url = file.url ?? file.uri ?? file.fileWithUri;
  if (typeof url === 'string') return { url: cleanText(url), ...readFileLabels(file), ...described };
  if (value.data === undefined) return undefined;
  return reading.version === '1.0'
    ? { data: cleanJson(value.data), ...readFileLabels(value), ...described }
    : readLegacyData(value, metadata);
}

function readFileLabels(file: JsonObject): Pick<Part, 'filename' | 'mediaType'> {
  const filename = optionalText(file.filename ?? file.name);
  const mediaType = optionalText(file.mediaType ?? file.mimeType);
  return { ...(filename !== undefined && { filename }), ...(mediaType !== undefined && { mediaType }) };
}

/** 0.3 data is always an object: in another `{data}` over HTTP+JSON; `{value}` when a 1.0 agent had another type. */
function readLegacyData(value: JsonObject, metadata: JsonObject | undefined): Part {
  const { data_part_compat: wrapsValue, ...rest } = metadata ?? {};
  const boxed = value.kind === undefined && isJsonObject(value.data) && isJsonObject(value.data.data);
  const data = boxed ? (value.data as JsonObject).data : value.data;
  const plain = wrapsValue === true && isJsonObject(data) ? data.value : data;
  return { data: cleanJson(plain), ...(Object.keys(rest).length > 0 && { metadata: rest }) };
}

const list = (value: unknown): JsonObject[] => (Array.isArray(value) ? value.filter(isJsonObject) : []);
