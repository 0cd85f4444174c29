import type { MigrationInterface, QueryRunner } from 'typeorm';

export class AgentsAndApiKeys1763800000002 implements MigrationInterface {
  readonly name = 'AgentsAndApiKeys1763800000002';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      create table agents (
        id              uuid not null default gen_random_uuid() constraint pk_agents primary key,
        slug            text not null,
        name            text not null,
        description     text not null,
        category        text not null,
        tags            text[] not null default '{}',
        enabled         boolean not null default true,
        card            jsonb not null,
        raw_card        json not null,
        card_url        text,
        card_etag       text,
        card_fetched_at timestamptz not null,
        refreshed_at    timestamptz not null default now(),
        refresh_error   text,
        version         integer not null,
        created_at      timestamptz not null default now(),
        updated_at      timestamptz not null default now()
      )`);
    await db.query('create unique index idx_agents_slug on agents (slug)');
    await db.query('create index idx_agents_category on agents (category)');
    await db.query('create index idx_agents_tags on agents using gin (tags)');
    await db.query('create index idx_agents_refreshed_at on agents (refreshed_at)');
    await db.query(`
      create table agent_credentials (
        agent_id uuid not null constraint pk_agent_credentials primary key
                 constraint fk_agent_credentials_agent references agents (id) on delete cascade,
        sealed   text not null
      )`);
    await db.query(`
      create table api_keys (
        id         text not null constraint pk_api_keys primary key,
        name       text not null,
        hash       text not null,
        created_at timestamptz not null default now(),
        revoked_at timestamptz
      )`);
    await db.query('create unique index idx_api_keys_hash on api_keys (hash)');
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query('drop table api_keys');
    await db.query('drop table agent_credentials');
    await db.query('drop table agents');
  }
}
