import { ServerInfo } from '@app/config';
import { type Caller, DomainError } from '@app/core';
import { type Definition, taskAt } from '@app/dsl';
import { Expressions } from '@app/expressions';
import { Injectable } from '@nestjs/common';
import { DefinitionNeeds } from './definition-needs.js';
import { DefinitionReader } from './definition-reader.js';
import type { DryRun, DryRunView, StoredDryRun, Trace } from './dry-runs.schemas.js';
import { type Play, Rehearsal } from './rehearsal.js';
import { demandInput } from './workflow-directory.js';
import { WorkflowsService } from './workflows.service.js';

/** Tells what a workflow needs and what a run of it would do, without doing any of it. */
@Injectable()
export class DryRuns {
  constructor(
    private readonly reader: DefinitionReader,
    private readonly needs: DefinitionNeeds,
    private readonly workflows: WorkflowsService,
    private readonly expressions: Expressions,
    private readonly server: ServerInfo,
  ) {}

  /** @throws DomainError invalid (answers to tasks that are not there) */
  async ofDefinition(caller: Caller, { definition: source, input, answers }: DryRun): Promise<DryRunView> {
    const { definition, problems } = await this.reader.examine(caller, source);
    const shown = { valid: problems.length === 0, problems: [...problems] };
    if (definition === undefined) return { ...shown, needs: [] };
    demandTasks(definition, Object.keys(answers));
    const needs = await this.needs.of(caller, definition);
    return { ...shown, needs, trace: await this.trace({ definition, input: input ?? {}, answers }) };
  }

  /** @throws DomainError not_found, invalid (answers to tasks that are not there) */
  async ofStored(caller: Caller, name: string, { version, input, answers }: StoredDryRun): Promise<DryRunView> {
    const { definition } = await this.workflows.get(caller, name, version);
    return this.ofDefinition(caller, { definition: { ...definition }, input, answers });
  }

  private async trace(play: Play): Promise<Trace> {
    try {
      demandInput(play, play.input);
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      return { ended: 'refused', steps: [], because: error.message };
    }
    return new Rehearsal(play, this.expressions, this.server).trace();
  }
}

function demandTasks(definition: Definition, pointers: readonly string[]): void {
  const unknown = pointers.find((pointer) => taskAt(definition, pointer) === undefined);
  if (unknown !== undefined)
    throw new DomainError('invalid', `answers: the definition has no task ${unknown}; expected JSON Pointers of tasks`);
}
