import { createHash } from 'node:crypto';
import { Audit } from '@app/audit';
import { type Caller, DomainError } from '@app/core';
import { Revisions, isUniqueViolation } from '@app/database';
import type { Definition, Problem } from '@app/dsl';
import { Permissions } from '@app/permissions';
import { uuidV7 } from '@app/tasks';
import { type Page, pageOf, startAfter } from '@app/web';
import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { DefinitionReader } from './definition-reader.js';
import { handOverSchedule, nextTick } from './schedule.js';
import { Workflow, type WorkflowStatus } from './workflow.entity.js';
import { resourceOf, WORKFLOWS_TOPIC } from './workflow-directory.js';
import type { NewWorkflow, WorkflowQuery, WorkflowSource } from './workflows.schemas.js';

/** Definitions of workflows. A version says for ever what it said when it came. */
@Injectable()
export class WorkflowsService {
  constructor(
    private readonly db: DataSource,
    private readonly reader: DefinitionReader,
    private readonly permissions: Permissions,
    private readonly revisions: Revisions,
    private readonly audit: Audit,
  ) {}

  /** What is wrong with a definition, for this caller on this server. */
  validate(caller: Caller, { definition }: WorkflowSource): Promise<readonly Problem[]> {
    return this.reader.read(caller, definition).then(({ problems }) => problems);
  }

  /** @throws DomainError invalid (with all problems), conflict (the version exists with another content), forbidden */
  async create(caller: Caller, { definition: source, status }: NewWorkflow): Promise<Workflow> {
    const { definition, problems } = await this.reader.read(caller, source);
    if (definition === undefined) throw new DomainError('invalid', `definition: ${told(problems)}`, { problems });
    const { name } = definition.document;
    await this.permissions.demand(caller, 'workflows:write', {
      resource: { workflow: name, tags: tagsOf(definition) },
      what: name,
    });
    try {
      const created = await this.db.transaction((manager) =>
        this.insert(manager, caller, { definition, source, status }),
      );
      await this.revisions.check();
      return created;
    } catch (error) {
      if (isUniqueViolation(error))
        throw new DomainError('conflict', `The workflow ${name} is being changed; try again`);
      throw error;
    }
  }

  /** The newest version of each, by name. */
  async list(caller: Caller, { status, page_size, page_token }: WorkflowQuery): Promise<Page<Workflow>> {
    const access = await this.permissions.accessOf(caller);
    const after = page_token === undefined ? '' : startAfter(page_token);
    const rows = await this.db
      .getRepository(Workflow)
      .createQueryBuilder('w')
      .where(
        `w.name > :after and w.position = (select max(o.position) from workflows o where o.name = w.name${
          status === undefined ? '' : ' and o.status = :status'
        })`,
        { after, status },
      )
      .orderBy('w.name')
      .getMany();
    const visible = rows.filter((row) => access.allows('workflows:read', resourceOf(row)));
    return pageOf(visible, page_size, ({ name }) => name);
  }

  /** Versions of one, newest first. @throws DomainError not_found */
  async versions(caller: Caller, name: string): Promise<Workflow[]> {
    const rows = await this.db.getRepository(Workflow).find({ where: { name }, order: { position: 'desc' } });
    const [newest] = rows;
    if (newest === undefined || !(await this.permissions.maySee(caller, resourceOf(newest), name, 'workflows:read')))
      throw new DomainError('not_found', `No workflow ${name}`);
    return rows;
  }

  /** @param version absent: the newest active one, else the newest. @throws DomainError not_found */
  async get(caller: Caller, name: string, version?: string): Promise<Workflow> {
    const rows = await this.versions(caller, name);
    const found =
      version === undefined
        ? (rows.find(({ status }) => status === 'active') ?? rows[0])
        : rows.find((row) => row.version === version);
    if (found === undefined) throw new DomainError('not_found', `The workflow ${name} has no version ${version}`);
    return found;
  }

  /** @throws DomainError not_found, forbidden, conflict (archived ones stay so) */
  async setStatus(
    caller: Caller,
    name: string,
    version: string | undefined,
    status: WorkflowStatus,
  ): Promise<Workflow> {
    const workflow = await this.get(caller, name, version);
    return this.change(caller, workflow, `workflows.${status}`, { status });
  }

  /** No run begins by schedule while it is paused. @throws DomainError not_found, forbidden, conflict */
  async pauseSchedule(caller: Caller, name: string, paused: boolean): Promise<Workflow> {
    const workflow = await this.get(caller, name);
    if (workflow.schedule === null) throw new DomainError('conflict', `The workflow ${name} has no schedule`);
    const nextAt = paused ? null : nextTick(workflow.definition, new Date());
    return this.change(caller, workflow, paused ? 'workflows.pause' : 'workflows.resume', { paused, nextAt });
  }

  /** For good. @param version absent: all of them. @throws DomainError not_found, forbidden */
  async archive(caller: Caller, name: string, version?: string): Promise<void> {
    const rows = version === undefined ? await this.versions(caller, name) : [await this.get(caller, name, version)];
    // The newest last: no other one gets its schedule on the way.
    for (const row of rows.filter(({ status }) => status !== 'archived').toReversed())
      await this.change(caller, row, 'workflows.archive', { status: 'archived' });
  }

  private async change(
    caller: Caller,
    workflow: Workflow,
    action: string,
    changes: Partial<Pick<Workflow, 'status' | 'nextAt' | 'paused'>>,
  ): Promise<Workflow> {
    const { id, name, version, status } = workflow;
    await this.permissions.demand(caller, 'workflows:write', { resource: resourceOf(workflow), what: name });
    if (status === 'archived') throw new DomainError('conflict', `The workflow ${name} ${version} is archived`);
    const changed = await this.db.transaction(async (manager) => {
      await manager.update(Workflow, id, { ...changes, updatedAt: new Date() });
      if (changes.status !== undefined) await handOverSchedule(manager, workflow);
      await this.audit.change(manager, caller, action, { subject: id, detail: { workflow: name, version } });
      await this.revisions.bump(manager, WORKFLOWS_TOPIC);
      return manager.findOneByOrFail(Workflow, { id });
    });
    // Whoever changed it sees the change; other replicas see it with their next look.
    await this.revisions.check();
    return changed;
  }

  private async insert(
    manager: EntityManager,
    caller: Caller,
    {
      definition,
      source,
      status,
    }: { definition: Definition; source: NewWorkflow['definition']; status: WorkflowStatus },
  ): Promise<Workflow> {
    const { document, schedule = null } = definition;
    const { namespace, name, version } = document;
    const digest = createHash('sha256').update(JSON.stringify(definition)).digest('hex');
    const others = await manager.find(Workflow, { where: { name }, order: { position: 'desc' } });
    const same = others.find((one) => one.version === version);
    if (same !== undefined && same.digest === digest) return same;
    if (same !== undefined)
      throw new DomainError(
        'conflict',
        `The workflow ${name} has a version ${version} already; give the definition a new one`,
      );
    if (others[0] !== undefined && others[0].namespace !== namespace)
      throw new DomainError('conflict', `document.namespace: the workflow ${name} is one of ${others[0].namespace}`);
    const row = manager.create(Workflow, {
      id: uuidV7(),
      namespace,
      name,
      version,
      position: (others[0]?.position ?? 0) + 1,
      status,
      title: document.title ?? null,
      summary: document.summary ?? null,
      tags: tagsOf(definition),
      definition,
      digest,
      source: typeof source === 'string' ? source : JSON.stringify(source, null, 2),
      createdBy: caller.id,
      credential: caller.credential,
      schedule,
      paused: false,
    });
    await manager.insert(Workflow, row as never);
    if (status === 'active') await handOverSchedule(manager, row);
    await this.audit.change(manager, caller, 'workflows.create', {
      subject: row.id,
      detail: { workflow: name, version, digest },
    });
    await this.revisions.bump(manager, WORKFLOWS_TOPIC);
    return manager.findOneByOrFail(Workflow, { id: row.id });
  }
}

/** All of them in one message, for doors that have no more than that. */
const told = (problems: readonly Problem[]): string =>
  problems
    .map(({ path, message, suggestion }) => `${path || '/'}: ${message}${suggestion ? ` ${suggestion}` : ''}`)
    .join('; ');

/** Tags of the document as the registry's tags are: `name:value`, and the name alone. */
const tagsOf = ({ document }: Definition): string[] =>
  Object.entries(document.tags ?? {}).flatMap(([name, value]) =>
    value === '' || value === 'true' ? [name] : [`${name}:${value}`, name],
  );
