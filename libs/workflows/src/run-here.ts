import type { TaskRow } from '@app/tasks';
import type { Draft } from './draft.js';
import type { Frame, Leaf, Taken } from './frame.js';
import type { Outcome } from './plan.js';
import type { World } from './scope.js';
import type { RunState } from './sql-state.js';

/** Calls of frames whose outcome is not stored yet. */
interface CallsHere {
  of(frame: string): AbortController | undefined;
  make(frame: string, leaf: Leaf): void;
  makeAgain(frame: string, leaf: Leaf): void;
}

/** A run that this process owns, for those who do parts of its work. */
export interface RunHere {
  row: TaskRow;
  readonly run: RunState;
  readonly all: ReadonlyMap<string, Frame>;
  readonly calls: CallsHere;
  readonly isLost: boolean;
  /** Nothing more becomes of it here. */
  readonly isOver: boolean;
  /** Nothing new is begun here. */
  readonly isLeaving: boolean;
  world(draft: Draft): World;
  /** Plans what follows from what became of a frame, and all that follows from that. */
  take(draft: Draft, frame: string, outcome: Outcome): Promise<void>;
  /** For the next step. @param taken events that its `listen` took */
  tell(frame: string, outcome: Outcome, taken?: readonly Taken[]): void;
  /** Written: this is how the run stands now. */
  written(draft: Draft, row: TaskRow): void;
  /** What was held back may begin. */
  begin(): void;
  /** Something happened: look. */
  wake(): void;
  /** Not ours any more. */
  drop(): void;
  /** A bug of ours. */
  failed(cause: unknown): void;
  /** Ids of the open questions of a step's agent. */
  questionsOf(step: string): string[];
}
