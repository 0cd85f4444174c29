import type { TaskEvent, TaskView } from '@app/tasks';
import { ADMIN_KEY, type TestServer } from './server.js';

/** A task as REST tells it. */
export type Task = Omit<TaskView, 'createdAt' | 'updatedAt' | 'finishedAt'> & {
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly finishedAt?: string;
};

export interface StreamedTaskEvent {
  readonly id: number;
  readonly event: TaskEvent['kind'];
  readonly data: Record<string, unknown> & { readonly seq: number; readonly state?: string; readonly task?: Task };
}

export const TASKS = '/api/v1/tasks';

/** Starts a task; with `wait` seconds the answer is what came of it. */
export async function startTask(server: TestServer, body: object, headers: Record<string, string> = {}) {
  const response = await server.call('POST', TASKS, body, headers);
  if (!response.ok) throw new Error(`POST ${TASKS} answered ${response.status}: ${await response.text()}`);
  return { status: response.status, headers: response.headers, task: (await response.json()) as Task };
}

/** The events of a task, as an EventSource would see them; breaking out of the loop hangs up. */
export async function* taskEvents(
  server: TestServer,
  taskId: string,
  { query = '', headers = {} }: { query?: string; headers?: Record<string, string> } = {},
): AsyncGenerator<StreamedTaskEvent, void, undefined> {
  const hangUp = new AbortController();
  const response = await fetch(`${server.url}${TASKS}/${taskId}/events${query}`, {
    headers: { authorization: `Bearer ${ADMIN_KEY}`, ...headers },
    signal: hangUp.signal,
  });
  if (response.status !== 200) throw new Error(`events answered ${response.status}: ${await response.text()}`);
  try {
    let text = '';
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const frames = (text + chunk).split('\n\n');
      text = frames.pop() ?? '';
      for (const frame of frames) {
        const [, id, event, data] = /^id: (\d+)\nevent: (\w+)\ndata: (.*)$/.exec(frame) ?? [];
        if (data === undefined) continue;
        yield {
          id: Number(id),
          event: event as TaskEvent['kind'],
          data: JSON.parse(data) as StreamedTaskEvent['data'],
        };
      }
    }
  } finally {
    hangUp.abort();
  }
}
