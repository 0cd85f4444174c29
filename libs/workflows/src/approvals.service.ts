import type { Part } from '@app/a2a';
import { type Caller, DomainError, isJsonObject } from '@app/core';
import { compileSchema } from '@app/dsl';
import { Audit } from '@app/audit';
import { type Access, Permissions } from '@app/permissions';
import { RunStore } from '@app/tasks';
import { type Page, pageOf } from '@app/web';
import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { ApprovalQuery, ApprovalView } from './approvals.schemas.js';
import { idAfter } from './id-after.js';
import { resourceOf } from './workflow-directory.js';

/** An open question, with the run and the workflow it belongs to. */
interface Row {
  readonly id: string;
  readonly run_id: string;
  readonly principal: string;
  readonly name: string;
  readonly tags: readonly string[];
  readonly body: { readonly task: string; readonly prompt: string; readonly schema?: unknown; readonly step?: string };
  readonly assignees: readonly string[] | null;
  readonly created_at: Date;
  readonly expires_at: Date | null;
}

const FROM = `workflow_waits a
  join tasks t on t.id = a.run_id join workflow_runs r on r.run_id = a.run_id join workflows w on w.id = r.workflow_id`;
const COLUMNS = `a.id, a.run_id, t.principal, w.name, w.tags, a.body, a.assignees, a.created_at, a.expires_at`;
const OPEN = `a.kind = 'human' and a.closed_at is null and a.answered_at is null
  and (a.expires_at is null or a.expires_at > now())`;

/** What is asked when a question says no more than that. */
const DECISION = {
  type: 'object',
  properties: { approved: { type: 'boolean' }, comment: { type: 'string' } },
  required: ['approved'],
};
/** What an agent is told that did not say what it expects. */
const TEXT = { type: 'object', properties: { text: { type: 'string', title: 'Answer' } }, required: ['text'] };
const WORDS: Readonly<Record<string, boolean>> = {
  yes: true,
  approve: true,
  approved: true,
  no: false,
  reject: false,
  rejected: false,
};

/** Questions of runs to people: who may answer, and what they answer. */
@Injectable()
export class Approvals {
  constructor(
    private readonly db: DataSource,
    private readonly store: RunStore,
    private readonly permissions: Permissions,
    private readonly audit: Audit,
  ) {}

  /** Open questions that the caller may answer, oldest first. */
  async list(caller: Caller, { run, page_size, page_token }: ApprovalQuery): Promise<Page<ApprovalView>> {
    const access = await this.permissions.demand(caller, 'tasks:read', { what: 'tasks' });
    const after = page_token === undefined ? null : idAfter(page_token);
    const mayAll = access.isUnlimited('workflows:write');
    const mine = mayAll || !access.mayAnywhere('workflows:write') ? [] : await this.writableBy(access);
    const rows: Row[] = await this.db.query(
      `select ${COLUMNS} from ${FROM}
       where ${OPEN} and ($1::uuid is null or a.run_id = $1) and ($2::uuid is null or a.id > $2)
         and ($3 or r.workflow_id = any ($4) or a.assignees && $5 or (a.assignees is null and t.principal = $6))
       order by a.id limit $7`,
      [run ?? null, after, mayAll, mine, namesOf(caller), caller.id, page_size + 1],
    );
    const page = pageOf(rows, page_size, ({ id }) => id);
    return { ...page, items: page.items.map(viewOf) };
  }

  /**
   * The first answer counts.
   * @throws DomainError not_found, forbidden, conflict (answered, expired), invalid (does not fit the schema)
   */
  async answer(caller: Caller, id: string, answer: unknown): Promise<ApprovalView> {
    await this.permissions.demand(caller, 'tasks:write', { what: 'tasks' });
    const [row] = (await this.db.query(`select ${COLUMNS} from ${FROM} where a.kind = 'human' and a.id = $1`, [
      id,
    ])) as Row[];
    if (row === undefined || !(await this.mayAnswer(caller, row)))
      throw new DomainError('not_found', `No question ${id} that you may answer`);
    demandFit(row.body.schema, answer, row.body.step === undefined);
    const isFirst = await this.db.transaction(async (manager) => {
      // In the order in which the owner of the run locks them: its task, then what it waits for.
      await this.store.wake([row.run_id], manager);
      const rows: unknown[] = await manager.query(
        `with answered as (
           update workflow_waits set answer = $2, answered_by = $3, answered_at = now()
           where id = $1 and answered_at is null and closed_at is null and (expires_at is null or expires_at > now())
           returning 1)
         select * from answered`,
        [id, JSON.stringify(answer), caller.id],
      );
      if (rows.length === 0) return false;
      await this.audit.change(manager, caller, 'approvals.answer', { subject: id, detail: { run: row.run_id } });
      return true;
    });
    if (!isFirst) throw new DomainError('conflict', `The question ${id} was answered already, or is over`);
    this.store.announceWake(row.run_id);
    return viewOf(row);
  }

  /** As a message to the run: the oldest question that the caller may answer. @throws DomainError */
  async answerRun(caller: Caller, run: string, parts: readonly Part[]): Promise<void> {
    const { items } = await this.list(caller, { run, page_size: 1 });
    const [question] = items;
    if (question === undefined)
      throw new DomainError('conflict', `task_id: the run ${run} asks nothing that you may answer now`);
    await this.answer(caller, question.id, answerIn(parts, question.schema));
  }

  /** Workflows of which somebody may change some and not others. */
  private async writableBy(access: Access): Promise<string[]> {
    const rows: { id: string; name: string; tags: string[] }[] = await this.db.query(
      'select id, name, tags from workflows',
    );
    return rows.filter((row) => access.allows('workflows:write', resourceOf(row))).map(({ id }) => id);
  }

  private async mayAnswer(caller: Caller, { name, tags, assignees, principal }: Row): Promise<boolean> {
    const names = namesOf(caller);
    if (assignees === null ? principal === caller.id : assignees.some((one) => names.includes(one))) return true;
    const access = await this.permissions.accessOf(caller);
    return access.allows('workflows:write', resourceOf({ name, tags }));
  }
}

const namesOf = ({ id, roles, groups }: Caller): string[] => [
  `principal:${id}`,
  ...roles.map((role) => `role:${role}`),
  ...groups.map((group) => `group:${group}`),
];

function viewOf({ id, run_id, name, body, assignees, created_at, expires_at }: Row): ApprovalView {
  return {
    id,
    runId: run_id,
    workflow: name,
    task: body.task,
    prompt: body.prompt,
    schema: isJsonObject(body.schema) ? body.schema : body.step === undefined ? DECISION : TEXT,
    ...(assignees !== null && { assignees: [...assignees] }),
    createdAt: created_at.toISOString(),
    ...(expires_at !== null && { expiresAt: expires_at.toISOString() }),
  };
}

/** @throws DomainError invalid */
export function demandFit(schema: unknown, answer: unknown, isOurs: boolean): void {
  // What an agent asks it judges itself.
  if (!isOurs) return;
  const validate = compileSchema(isJsonObject(schema) ? schema : DECISION);
  if (validate(answer)) return;
  const [error] = validate.errors ?? [];
  throw new DomainError(
    'invalid',
    `answer${error?.instancePath ?? ''}: ${error?.message ?? 'does not fit the schema'}`,
  );
}

/** Data as it is; words as a decision, or as the only text that is asked for. */
function answerIn(parts: readonly Part[], schema: unknown): unknown {
  const data = parts.find((part) => part.data !== undefined)?.data;
  if (data !== undefined) return data;
  const text = parts
    .map((part) => part.text ?? '')
    .join(' ')
    .trim();
  const properties = isJsonObject(schema) && isJsonObject(schema.properties) ? schema.properties : {};
  const word = WORDS[text.toLowerCase()];
  if (word !== undefined && 'approved' in properties) return { approved: word };
  const [name, ...others] = Object.keys(properties);
  return name !== undefined && others.length === 0 ? { [name]: text } : { text };
}
