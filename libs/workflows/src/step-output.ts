import { answerParts, type Part } from '@app/a2a';
import type { TaskView } from '@app/tasks';

/**
 * What a completed step gives to its run. Of an agent: `{ text, data?, parts, taskId, contextId? }`, with all its text, its
 * first structured part, and everything. Of a run: its output.
 */
export function outputOfCall(view: TaskView): unknown {
  const parts = answerParts({ ...view, length: 0, history: view.history });
  if (view.kind !== 'agent') return outputIn(parts);
  const text = parts.map((part) => part.text ?? '').join('');
  const data = parts.find((part) => part.data !== undefined)?.data;
  const { taskId, contextId } = view;
  return { text, ...(data !== undefined && { data }), parts, taskId, ...(contextId !== undefined && { contextId }) };
}

/** How the output of a run is told to those who speak A2A. */
export const partsOfOutput = (output: unknown): Part[] => [
  typeof output === 'string' ? { text: output } : { data: output ?? null },
];

const outputIn = ([part]: readonly Part[]): unknown => part?.text ?? part?.data ?? null;
