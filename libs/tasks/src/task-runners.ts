import type { Part } from '@app/a2a';
import type { Caller } from '@app/core';
import { Injectable } from '@nestjs/common';
import type { TaskRow } from './task-row.js';

/** Works on tasks of one kind other than calls to agents. The row is its only claim: (executor, epoch). */
export interface TaskRunner {
  readonly kind: string;
  /** How many more tasks it takes now. */
  room(): number;
  /** What it works on. */
  working(): readonly string[];
  /** Is this process's now. */
  claimed(row: TaskRow): void;
  /** Something happened to a task that it may be working on: a step ended, an answer came, it is to be canceled. */
  woken(id: string): void;
  /** An answer to what a task asked. @throws DomainError */
  answer(caller: Caller, row: TaskRow, parts: readonly Part[]): Promise<void>;
  /** Nothing new is claimed; gives away what it works on, at the latest when the grace is over. */
  stop(graceMs: number): Promise<void>;
  /** This process owns nothing any more. */
  dropAll(): void;
}

/** Who works on which kind of task. */
@Injectable()
export class TaskRunners {
  private readonly runners = new Map<string, TaskRunner>();

  register(runner: TaskRunner): void {
    this.runners.set(runner.kind, runner);
  }

  of(kind: string): TaskRunner | undefined {
    return this.runners.get(kind);
  }

  all(): readonly TaskRunner[] {
    return [...this.runners.values()];
  }
}
