import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Workflows1763800000015 implements MigrationInterface {
  readonly name = 'Workflows1763800000015';

  async up(db: QueryRunner): Promise<void> {
    // parent: the run that a task is a step of. woken: something happened that the owner has not looked at yet.
    await db.query('alter table tasks add column parent uuid, add column woken boolean not null default false');
    await db.query('create index idx_tasks_parent on tasks (parent) where parent is not null');
    // What is due of one kind is found however much of another is.
    await db.query('drop index idx_tasks_due');
    await db.query('create index idx_tasks_due on tasks (kind, due_at) where due_at is not null');
    await db.query(`
      create table workflows (
        id          uuid not null constraint pk_workflows primary key,
        namespace   text not null,
        name        text not null,
        version     text not null,
        position    integer not null,
        status      text not null,
        title       text,
        summary     text,
        tags        text[] not null default '{}',
        definition  json not null,
        source      text not null,
        digest      text not null,
        created_by  text not null,
        credential  text not null,
        created_at  timestamptz not null default now(),
        updated_at  timestamptz not null default now(),
        schedule    json,
        next_at     timestamptz,
        paused      boolean not null default false,
        constraint uq_workflows_name_version unique (name, version)
      )`);
    await db.query('create index idx_workflows_status on workflows (status)');
    await db.query('create index idx_workflows_next_at on workflows (next_at) where next_at is not null');
    await db.query(`
      create table workflow_runs (
        run_id       uuid not null constraint pk_workflow_runs primary key,
        workflow_id  uuid not null,
        credential   text not null,
        address      text,
        input        json,
        context      json,
        undo         json not null default '[]',
        paused_at    timestamptz,
        ending       json,
        undone       boolean not null default false,
        consumed     json not null default '[]',
        continues    uuid,
        scheduled_for timestamptz
      )`);
    await db.query('create index idx_workflow_runs_workflow on workflow_runs (workflow_id, run_id)');
    // One row a thread of a run: a write of one branch leaves the others alone.
    await db.query(`
      create table workflow_frames (
        run_id  uuid not null,
        id      text not null,
        body    json not null,
        constraint pk_workflow_frames primary key (run_id, id)
      ) with (fillfactor = 80)`);
    await db.query(`
      create table workflow_waits (
        id          uuid not null constraint pk_workflow_waits primary key,
        run_id      uuid not null,
        frame       text not null,
        kind        text not null,
        body        json not null,
        assignees   text[],
        patterns    text[],
        keys        text[],
        created_at  timestamptz not null default now(),
        expires_at  timestamptz,
        answer      json,
        answered_by text,
        answered_at timestamptz,
        closed_at   timestamptz
      )`);
    await db.query('create index idx_workflow_waits_run on workflow_waits (run_id)');
    await db.query(
      `create index idx_workflow_waits_open on workflow_waits (created_at, id) where kind = 'human' and closed_at is null`,
    );
    await db.query(
      `create index idx_workflow_waits_keys on workflow_waits using gin (keys) where kind = 'event' and closed_at is null`,
    );
    await db.query(`
      create table workflow_inbox (
        position    bigint generated always as identity constraint pk_workflow_inbox primary key,
        source      text not null,
        id          text not null,
        type        text not null,
        event       json not null,
        sent_by     text not null,
        delivered   boolean not null default false,
        received_at timestamptz not null default now(),
        constraint uq_workflow_inbox_source_id unique (source, id)
      )`);
    await db.query('create index idx_workflow_inbox_received_at on workflow_inbox (received_at)');
    await db.query('create index idx_workflow_inbox_undelivered on workflow_inbox (received_at) where not delivered');
    await db.query(
      'create table workflow_patterns (pattern text not null constraint pk_workflow_patterns primary key)',
    );
  }

  async down(db: QueryRunner): Promise<void> {
    for (const table of [
      'workflow_patterns',
      'workflow_inbox',
      'workflow_waits',
      'workflow_frames',
      'workflow_runs',
      'workflows',
    ])
      await db.query(`drop table ${table}`);
    await db.query('drop index idx_tasks_parent');
    await db.query('drop index idx_tasks_due');
    await db.query('create index idx_tasks_due on tasks (due_at) where due_at is not null');
    await db.query('alter table tasks drop column parent, drop column woken');
  }
}
