import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Tasks1763800000003 implements MigrationInterface {
  readonly name = 'Tasks1763800000003';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      alter table agents
        add column resend          text not null default 'once',
        add column max_concurrency integer`);
    await db.query(`
      create table executors (
        id          uuid not null constraint pk_executors primary key,
        name        text not null,
        connections integer not null,
        started_at  timestamptz not null default now(),
        beat_at     timestamptz not null default now()
      )`);
    // Room on the page: a write while a task runs touches no indexed column, so it can stay there (HOT).
    await db.query(`
      create table tasks (
        id                  uuid not null constraint pk_tasks primary key,
        kind                text not null default 'agent',
        principal           text not null,
        agent               text not null,
        skill               text,
        session_id          uuid,
        idempotency         text,
        input_hash          text,
        state               text not null,
        context_id          text,
        upstream_id         text,
        heard               boolean not null default false,
        inbox               jsonb not null,
        message             json,
        history             json not null default '[]',
        error               json,
        last_seq            integer not null default 0,
        folded_seq          integer not null default 0,
        kept_from           integer not null default 1,
        executor            uuid,
        epoch               integer not null default 0,
        attempts            integer not null default 0,
        due_at              timestamptz,
        deadline            timestamptz not null,
        cancel_requested_at timestamptz,
        created_at          timestamptz not null default now(),
        updated_at          timestamptz not null default now(),
        rested_at           timestamptz,
        finished_at         timestamptz
      ) with (fillfactor = 80)`);
    await db.query('create index idx_tasks_principal on tasks (principal, id)');
    await db.query(
      'create unique index idx_tasks_idempotency on tasks (principal, idempotency) where idempotency is not null',
    );
    // Hash: an agent's ids may be longer than an entry of a B-tree.
    await db.query('create index idx_tasks_context on tasks using hash (context_id)');
    await db.query('create index idx_tasks_session on tasks (session_id, agent, id) where session_id is not null');
    await db.query('create index idx_tasks_due on tasks (due_at) where due_at is not null');
    await db.query('create index idx_tasks_executor on tasks (executor) where executor is not null');
    await db.query('create index idx_tasks_rested on tasks (rested_at) where rested_at is not null');
    await db.query(
      'create index idx_tasks_finished on tasks (finished_at) where finished_at is not null and kept_from = 1',
    );
    await db.query(`
      create table task_events (
        task_id uuid not null,
        seq     integer not null,
        at      timestamptz not null,
        kind    text not null,
        version smallint not null default 1,
        body    json not null,
        constraint pk_task_events primary key (task_id, seq)
      )`);
    await db.query(`
      create table task_artifacts (
        task_id  uuid not null,
        position integer not null,
        body     json not null,
        constraint pk_task_artifacts primary key (task_id, position)
      )`);
    await db.query(`
      create table sessions (
        id           uuid not null default gen_random_uuid() constraint pk_sessions primary key,
        principal    text not null,
        contexts     jsonb not null default '{}',
        version      integer not null default 1,
        created_at   timestamptz not null default now(),
        last_used_at timestamptz not null default now(),
        closed_at    timestamptz
      )`);
    await db.query('create index idx_sessions_principal on sessions (principal, created_at, id)');
    await db.query('create index idx_sessions_last_used_at on sessions (last_used_at)');
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query('drop table sessions');
    await db.query('drop table task_artifacts');
    await db.query('drop table task_events');
    await db.query('drop table tasks');
    await db.query('drop table executors');
    await db.query('alter table agents drop column resend, drop column max_concurrency');
  }
}
