import { type Caller, DomainError } from '@app/core';
import { Revisions } from '@app/database';
import { Permissions, type Resource } from '@app/permissions';
import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { demandValid } from './lifecycle.js';
import { WorkflowError } from './problems.js';
import { Workflow } from './workflow.entity.js';

/** Changes with every change of any workflow, on any replica. */
export const WORKFLOWS_TOPIC = 'workflows';

/** What grants say of a workflow. */
export const resourceOf = ({ name, tags }: { readonly name: string; readonly tags: readonly string[] }): Resource => ({
  workflow: name,
  tags,
});

/** The active workflows, in memory: for each name its newest active version. */
@Injectable()
export class WorkflowDirectory implements OnModuleInit, OnModuleDestroy {
  private active = new Map<string, Workflow>();
  private readonly listeners = new Set<() => void>();
  private stopWatching = (): void => undefined;

  constructor(
    private readonly db: DataSource,
    private readonly revisions: Revisions,
    private readonly permissions: Permissions,
  ) {}

  async onModuleInit(): Promise<void> {
    await this.read();
    this.stopWatching = this.revisions.watch(WORKFLOWS_TOPIC, () => this.read());
  }

  onModuleDestroy(): void {
    this.stopWatching();
  }

  /** Called after workflows changed on any replica. */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  all(): readonly Workflow[] {
    return [...this.active.values()];
  }

  find(name: string): Workflow | undefined {
    return this.active.get(name);
  }

  /**
   * The version that this caller may run with this input.
   * @param version `latest`: the newest that is active
   * @param namespace any, when absent
   * @throws DomainError not_found, forbidden, conflict (not active), invalid (input)
   */
  async toRun(caller: Caller, name: string, version: string, input: unknown, namespace?: string): Promise<Workflow> {
    const found = await this.seen(caller, name, version, namespace);
    await this.permissions.demand(caller, 'workflows:run', { resource: resourceOf(found), what: name });
    if (found.status !== 'active')
      throw new DomainError(
        'conflict',
        `The workflow ${name} ${found.version} is ${found.status}; only active ones run`,
      );
    demandInput(found, input);
    return found;
  }

  /** A version that this caller may see, whatever its status. @throws DomainError not_found */
  async seen(caller: Caller, name: string, version = 'latest', namespace?: string): Promise<Workflow> {
    const found = await this.version(name, version);
    const isThere = found !== undefined && (namespace === undefined || found.namespace === namespace);
    if (isThere && (await this.permissions.maySee(caller, resourceOf(found), name, 'workflows:read'))) return found;
    throw new DomainError(
      'not_found',
      `No workflow ${namespace === undefined ? '' : `${namespace}/`}${name}${version === 'latest' ? '' : ` ${version}`}`,
    );
  }

  /** May this caller run a version that once was active? @throws DomainError forbidden */
  async demandRun(
    caller: Caller,
    workflow: { readonly name: string; readonly tags: readonly string[] },
  ): Promise<void> {
    await this.permissions.demand(caller, 'workflows:run', { resource: resourceOf(workflow), what: workflow.name });
  }

  private async version(name: string, version: string): Promise<Workflow | undefined> {
    const known = this.active.get(name);
    if (known !== undefined && (version === 'latest' || known.version === version)) return known;
    const workflows = this.db.getRepository(Workflow);
    const wanted = version === 'latest' ? {} : { version };
    const rows = await workflows.find({ where: { name, ...wanted }, order: { position: 'desc' } });
    return rows.find(({ status }) => status === 'active') ?? rows[0];
  }

  private async read(): Promise<void> {
    const rows = await this.db
      .getRepository(Workflow)
      .find({ where: { status: 'active' }, order: { position: 'asc' } });
    this.active = new Map(rows.map((row) => [row.name, row]));
    for (const listener of this.listeners) listener();
  }
}

/** @throws DomainError invalid */
export function demandInput({ definition }: Pick<Workflow, 'definition'>, input: unknown): void {
  try {
    demandValid(definition.input, input, 'input');
  } catch (error) {
    if (error instanceof WorkflowError) throw new DomainError('invalid', error.message);
    throw error;
  }
}
