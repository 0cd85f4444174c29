import type { AgentEvent, TaskState } from './model.js';
import { isFinal, isInterrupted } from './states.js';

/** Where one exchange with an agent stands, judged by the events so far. */
export class Turn {
  /** Known from the first event that names one, or from the start when a task is replied to. */
  taskId: string | undefined;
  /** Nothing more is to come: the task is final or interrupted, or the agent answered directly. */
  settled = false;
  events = 0;
  private state: TaskState | undefined;

  constructor(private readonly repliesTo?: string) {
    this.taskId = repliesTo;
  }

  /** Takes in one event of a stream and gives it back as it is to be understood. */
  take(event: AgentEvent): AgentEvent {
    const opens = this.events === 0 && this.repliesTo !== undefined;
    return this.conclude(opens ? withoutOldQuestion(event) : this.withinTask(event));
  }

  /** Takes in an answer that is complete in itself. */
  conclude(event: AgentEvent): AgentEvent {
    this.events++;
    if (event.kind === 'message') {
      this.settled = true;
      return event;
    }
    this.taskId = event.taskId;
    if (event.kind === 'artifact') return event;
    this.state = event.state;
    this.settled = isFinal(event.state) || isInterrupted(event.state);
    return event;
  }

  /** A message is a direct answer, unless a task is already under way: then it is a word about that. */
  private withinTask(event: AgentEvent): AgentEvent {
    if (event.kind !== 'message' || this.events === 0 || this.taskId === undefined) return event;
    const { parts, contextId } = event;
    const status = { kind: 'status', taskId: this.taskId, state: this.state ?? 'working', message: parts } as const;
    return contextId === undefined ? status : { ...status, contextId };
  }
}

/** Agents open a further turn with the task as it was before the reply; the question in it has just been answered. */
function withoutOldQuestion(event: AgentEvent): AgentEvent {
  if (event.kind !== 'task' || !isInterrupted(event.state)) return event;
  const { message: _question, ...task } = event;
  return { ...task, state: 'working' };
}
