import { TASK_STATES, type TaskState } from './model.js';

const FINAL: ReadonlySet<TaskState> = new Set(['completed', 'failed', 'rejected', 'canceled']);
const INTERRUPTED: ReadonlySet<TaskState> = new Set(['input-required', 'auth-required']);

/** The task is over. */
export const isFinal = (state: TaskState): boolean => FINAL.has(state);

/** The agent waits for its caller. */
export const isInterrupted = (state: TaskState): boolean => INTERRUPTED.has(state);

/** `TASK_STATE_INPUT_REQUIRED`, `input-required`, `input_required`…; what we do not know is work going on. */
export function readState(value: unknown): TaskState {
  if (typeof value !== 'string') return 'working';
  const name = value
    .toLowerCase()
    .replace(/^task_state_/, '')
    .replaceAll('_', '-')
    .replace('cancelled', 'canceled');
  return TASK_STATES.find((state) => state === name) ?? 'working';
}
