import type { Cluster } from './cluster.js';

/** How a task stood from a moment on. */
export interface Moment {
  /** By `Date.now()`. */
  readonly at: number;
  readonly parent: string | null;
  readonly executor: string | null;
  readonly epoch: number;
  readonly state: string;
  /** The agent gave a sign of life in this turn, or the run is at work. */
  readonly heard: boolean;
  readonly isOver: boolean;
  /** What is to be said to the agent, oldest first. */
  readonly messages: readonly string[];
}

/** What a thread of a run waited for from a moment on. */
export interface Waited {
  readonly at: number;
  readonly run: string;
  readonly frame: string;
  /** Of the execution of a task. */
  readonly key: string | null;
  /** The task or the wait that was made for it. */
  readonly handle: string | null;
}

export interface Testimony {
  readonly tasks: ReadonlyMap<string, readonly Moment[]>;
  readonly waited: readonly Waited[];
  /** Names of executors, which end with the id of their process. */
  readonly executors: ReadonlyMap<string, string>;
  readonly pauses: readonly { readonly at: number; readonly run: string; readonly paused: boolean }[];
}

/**
 * Writes down in the database itself who owned what, and when what became known: rows that are overwritten, and those of
 * the dead, tell nothing of it afterwards.
 */
const WITNESS = `
  create schema witness;
  create table witness.tasks (
    n bigint generated always as identity, at timestamptz default clock_timestamp(), id uuid, parent uuid, executor uuid,
    epoch int, state text, heard boolean, over boolean, messages jsonb);
  create table witness.waited (
    n bigint generated always as identity, at timestamptz default clock_timestamp(), run uuid, frame text, key text, handle text);
  create table witness.executors (id uuid, name text);
  create table witness.pauses (
    n bigint generated always as identity, at timestamptz default clock_timestamp(), run uuid, paused boolean);

  create function witness.saw_task() returns trigger language plpgsql as $$ begin
    insert into witness.tasks (id, parent, executor, epoch, state, heard, over, messages)
    values (new.id, new.parent, new.executor, new.epoch, new.state, new.heard, new.finished_at is not null,
      jsonb_path_query_array(new.inbox, '$[*].messageId'));
    return null;
  end $$;
  create trigger witness after insert or update on tasks for each row execute function witness.saw_task();

  create function witness.saw_frame() returns trigger language plpgsql as $$ begin
    if tg_op = 'DELETE' then
      insert into witness.waited (run, frame) values (old.run_id, old.id);
    else
      insert into witness.waited (run, frame, key, handle)
      values (new.run_id, new.id, new.body #>> '{leaf,key}', new.body #>> '{leaf,handle}');
    end if;
    return null;
  end $$;
  create trigger witness after insert or update or delete on workflow_frames for each row execute function witness.saw_frame();

  create function witness.saw_executor() returns trigger language plpgsql as $$ begin
    insert into witness.executors (id, name) values (new.id, new.name);
    return null;
  end $$;
  create trigger witness after insert on executors for each row execute function witness.saw_executor();
  insert into witness.executors (id, name) select id, name from executors;

  create function witness.saw_pause() returns trigger language plpgsql as $$ begin
    insert into witness.pauses (run, paused) values (new.run_id, new.paused_at is not null);
    return null;
  end $$;
  create trigger witness after update on workflow_runs for each row
    when ((old.paused_at is null) <> (new.paused_at is null)) execute function witness.saw_pause()`;

/** Before anything is done that is to be judged. */
export async function callWitness(cluster: Cluster): Promise<void> {
  await cluster.rows(WITNESS);
}

export async function hearWitness(cluster: Cluster): Promise<Testimony> {
  const read = async <T>(sql: string): Promise<T[]> => (await cluster.rows(sql)) as T[];
  const ms = `(extract(epoch from at) * 1000)::float8 as at`;
  const moments = await read<Moment & { id: string }>(
    `select id, ${ms}, parent, executor, epoch, state, heard, over as "isOver", messages from witness.tasks order by n`,
  );
  const tasks = new Map<string, Moment[]>();
  for (const moment of moments) {
    const known = tasks.get(moment.id);
    if (known === undefined) tasks.set(moment.id, [moment]);
    else known.push(moment);
  }
  const executors = await read<{ id: string; name: string }>(`select id, name from witness.executors`);
  return {
    tasks,
    waited: await read<Waited>(`select ${ms}, run, frame, key, handle from witness.waited order by n`),
    executors: new Map(executors.map(({ id, name }) => [id, name])),
    pauses: await read(`select ${ms}, run, paused from witness.pauses order by n`),
  };
}
