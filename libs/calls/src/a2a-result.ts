import { type Part, type TaskSnapshot } from '@app/a2a';
import { isJsonObject, type JsonObject } from '@app/core';

/** What an agent answered, as the DSL's readers know it: `Task` or `Message` of A2A 0.3 (§6.1, §6.4), whatever it speaks. */
export function resultOf(snapshot: TaskSnapshot): JsonObject {
  const { taskId, contextId, state, message, artifacts, history } = snapshot;
  const context = contextId !== undefined && { contextId };
  if (taskId === undefined) return { kind: 'message', role: 'agent', parts: partsOf(message ?? []), ...context };
  const said = (parts: readonly Part[]) => ({
    kind: 'message',
    role: 'agent',
    parts: partsOf(parts),
    taskId,
    ...context,
  });
  return {
    kind: 'task',
    id: taskId,
    ...context,
    status: { state, ...(message !== undefined && { message: said(message) }) },
    artifacts: artifacts.map((artifact) => ({ ...artifact, parts: partsOf(artifact.parts) })),
    history: history.map(said),
  };
}

const partsOf = (parts: readonly Part[]): JsonObject[] => parts.map(partOf);

/** A2A 0.3 §6.5. */
function partOf({ text, data, raw, url, filename, mediaType, metadata }: Part): JsonObject {
  const more = metadata !== undefined && { metadata };
  if (text !== undefined) return { kind: 'text', text, ...more };
  if (data !== undefined) return { kind: 'data', data: isJsonObject(data) ? data : { value: data }, ...more };
  const labels = {
    ...(filename !== undefined && { name: filename }),
    ...(mediaType !== undefined && { mimeType: mediaType }),
  };
  return { kind: 'file', file: { ...(raw === undefined ? { uri: url } : { bytes: raw }), ...labels }, ...more };
}
