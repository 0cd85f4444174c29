import { answerParts, type Part } from '@app/a2a';
import { isJsonObject, type JsonObject } from '@app/core';
import type { TaskView } from '@app/tasks';

/** Files up to this size go into the result; of a larger one the result only tells. */
const MAX_EMBEDDED_BYTES = 4 << 20;

/** Block of an MCP result. */
type Content = JsonObject;

/** What an agent's turn becomes for an MCP client; `docs/results.md` is the table. */
export function toolResult(result: TaskView): JsonObject {
  const told = RESULT[result.state](result);
  return result.undelivered === undefined ? told : withUndelivered(told, result.undelivered);
}

const RESULT: Readonly<Record<TaskView['state'], (result: TaskView) => JsonObject>> = {
  completed: answered,
  failed: (result) => unsuccessful(result, 'The agent failed'),
  rejected: (result) => unsuccessful(result, 'The agent rejected the task'),
  canceled: (result) => unsuccessful(result, 'The task was canceled'),
  'input-required': waiting,
  'auth-required': wantsAuthorization,
  submitted: unfinished,
  working: unfinished,
};

/** An answer that nobody heard must not look as if it had been. */
function withUndelivered(told: JsonObject, undelivered: readonly (readonly Part[])[]): JsonObject {
  const said = undelivered.map((parts) => `"${textOf(parts)}"`).join(', ');
  const note = `The task was over before the agent could hear: ${said}. Start a new one with context_id to go on.`;
  return { ...told, content: [...(told.content as Content[]), textContent(note)] };
}

function answered(result: TaskView): JsonObject {
  const produced = producedContent(result);
  const parts = answerParts({ ...result, length: 0 });
  const content = produced.length > 0 ? produced : parts.map((part) => contentOf(part));
  return shaped(result, withText(content, 'The agent finished without saying anything.'), parts);
}

/** Each artifact can be read as a resource, too; a file that is too large for a result only there. */
function producedContent({ taskId, artifacts }: TaskView): Content[] {
  return artifacts.flatMap(({ artifactId, parts }) =>
    parts.map((part) => contentOf(part, artifactUri(taskId, artifactId))),
  );
}

/** The URI under which `resources/read` gives an artifact. */
export const artifactUri = (taskId: string, artifactId: string): string =>
  `a2a-task://${taskId}/artifacts/${encodeURIComponent(artifactId)}`;

/** Without a question the agent's turn is over and the conversation stays open, as gemini-cli ends every turn. */
function waiting(result: TaskView): JsonObject {
  const question = questionOf(result);
  if (question === undefined) return answered(result);
  const hint = `To answer, call this tool again with task_id "${result.taskId}" and the answer as message.`;
  const produced = result.artifacts.flatMap((artifact) => artifact.parts);
  const content = [...producedContent(result), textContent(`${question}\n\n${hint}`)];
  return shaped(result, content, produced);
}

/** Secrets are never asked for in a form: the person is sent to the agent's own page, or told what it said. */
function wantsAuthorization(result: TaskView): JsonObject {
  const said = textOf(result.message ?? []) || 'no reason given';
  const url = authorizationUrl(result);
  const where = url === undefined ? '' : `\n\nAuthorize here: ${url}`;
  const hint = `Afterwards call this tool again with task_id "${result.taskId}".`;
  return shaped(result, [textContent(`The agent needs authorization: ${said}${where}\n\n${hint}`)], []);
}

function unsuccessful(result: TaskView, what: string): JsonObject {
  const { error } = result;
  if (error !== undefined)
    return { ...shaped(result, [textContent(`${error.code}: ${error.message}`)], []), isError: true };
  const said = textOf(answerParts({ ...result, length: 0 }));
  return { ...shaped(result, [textContent(said === '' ? `${what}.` : `${what}: ${said}`)], []), isError: true };
}

/** Not the end of the task, only of the time a client wants to wait. */
function unfinished(result: TaskView): JsonObject {
  const how = `Call get_status with requestId "${result.taskId}" for the result, or cancel with it to stop the agent.`;
  return shaped(result, [textContent(`The agent is still working. ${how}`)], []);
}

/** The person did not want to answer; the agent still waits. */
export function declinedByPerson(taskId: string): JsonObject {
  const text = `The question was not answered. The agent still waits: call this tool again with task_id "${taskId}" to answer.`;
  return shaped({ state: 'input-required', taskId }, [textContent(text)], []);
}

/** A failure that is the caller's to know. */
export const errorResult = (text: string): JsonObject => ({ isError: true, content: [textContent(text)] });

/** What an agent that waits for input asks; undefined when it does not ask. */
export function questionOf({ message }: TaskView): string | undefined {
  return textOf(message ?? []) || undefined;
}

/** Where to authorize: a url part, a `url` in a data part, or an address in the text. */
export function authorizationUrl({ message = [] }: TaskView): string | undefined {
  const inData = message.map(({ data }) => (isJsonObject(data) ? data.url : undefined));
  const candidates = [...message.map(({ url }) => url), ...inData, /https?:\/\/[^\s"'<>)]+/.exec(textOf(message))?.[0]];
  return candidates.find((url): url is string => typeof url === 'string' && /^https?:\/\//.test(url));
}

function shaped(
  { state, taskId, contextId }: Pick<TaskView, 'state' | 'taskId' | 'contextId'>,
  content: Content[],
  parts: readonly Part[],
): JsonObject {
  const ids = { task_id: taskId, ...(contextId !== undefined && { context_id: contextId }) };
  const data = parts.filter((part) => part.data !== undefined).map((part) => part.data);
  const structuredContent = { state, ...ids, ...(data.length > 0 && { data: data.length === 1 ? data[0] : data }) };
  return { content, structuredContent, _meta: ids };
}

/** Every result has text: some clients show nothing else. */
function withText(content: Content[], otherwise: string): Content[] {
  if (content.some(({ type }) => type === 'text')) return content;
  const files =
    content.length === 0 ? otherwise : `The agent sent ${content.length} file${content.length === 1 ? '' : 's'}.`;
  return [textContent(files), ...content];
}

function contentOf(part: Part, resource?: string): Content {
  if (part.text !== undefined) return textContent(part.text);
  if (part.raw !== undefined) return fileContent(part, part.raw, resource);
  if (part.url !== undefined) return linkContent(part, part.url);
  return textContent(JSON.stringify(part.data, null, 2));
}

function fileContent(
  { mediaType = 'application/octet-stream', filename }: Part,
  data: string,
  resource?: string,
): Content {
  const name = filename ?? 'file';
  const size = Buffer.byteLength(data, 'base64');
  if (size > MAX_EMBEDDED_BYTES) {
    if (resource !== undefined) return { type: 'resource_link', uri: resource, name, mimeType: mediaType, size };
    return textContent(
      `${name} (${mediaType}, ${size} bytes) is larger than the ${MAX_EMBEDDED_BYTES} bytes that a result may embed.`,
    );
  }
  const kind = mediaType.split('/', 1)[0];
  if (kind === 'image' || kind === 'audio') return { type: kind, data, mimeType: mediaType };
  return {
    type: 'resource',
    resource: { uri: resource ?? `file:///${encodeURIComponent(name)}`, mimeType: mediaType, blob: data },
  };
}

function linkContent({ mediaType, filename }: Part, uri: string): Content {
  return { type: 'resource_link', uri, name: filename ?? uri, ...(mediaType !== undefined && { mimeType: mediaType }) };
}

/** A block of text. */
export const textContent = (text: string): Content => ({ type: 'text', text });

const textOf = (parts: readonly Part[]): string =>
  parts
    .map((part) => part.text ?? '')
    .join('\n')
    .trim();
