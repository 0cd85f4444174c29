import { A2aCalls, HttpCalls, McpCalls } from '@app/calls';
import { type Caller, DomainError, isJsonObject, type JsonObject, traceIn } from '@app/core';
import type { Part } from '@app/a2a';
import type { Definition } from '@app/dsl';
import { Authenticator } from '@app/permissions';
import { type FreshTask, partsOf, RunStore, type TaskRow } from '@app/tasks';
import { WorkflowSecrets } from '@app/workflow-secrets';
import { Injectable } from '@nestjs/common';
import { policiesOf, withSecrets } from './call-secrets.js';
import type { Activation, Effect } from './frame.js';
import { problemOf, WorkflowError } from './problems.js';
import { type Place, scopeOf, type World } from './scope.js';
import type { RunState } from './sql-state.js';
import { WorkflowDirectory } from './workflow-directory.js';

/** Who a run acts for. */
type Starter = Pick<RunState, 'credential' | 'address' | 'name' | 'tags'>;
type CallEffect = Effect & { readonly kind: 'call' };

/** By so much the run's own clock is first: it knows whose time it is that is over. */
const GRACE_MS = 1_000;

/** A step that calls the outside. */
export interface Step {
  readonly row: TaskRow;
  readonly run: RunState;
  readonly key: string;
  readonly signal: AbortSignal;
  readonly world: World;
  readonly place: Place & { readonly activation: Activation };
  /** When the task must have ended. */
  readonly deadline?: string;
}

/** How steps reach what is not this server's. */
@Injectable()
export class Outcalls {
  constructor(
    private readonly http: HttpCalls,
    private readonly mcp: McpCalls,
    private readonly a2a: A2aCalls,
    private readonly secrets: WorkflowSecrets,
  ) {}

  /** @throws CallError, ExpressionError, WorkflowError */
  async call(effect: CallEffect, { row, run, key, signal, world, place, deadline }: Step): Promise<unknown> {
    const { call } = effect;
    if (call === 'agent') throw new Error('An agent of the registry is called as a task of its own');
    const args = await withSecrets(world, place, effect);
    const context = {
      signal,
      idempotencyKey: `${row.id}${key}`,
      trace: traceIn(row.trace, row.trace_state),
      data: place.activation.input,
      secret: (name: string) => this.secret(run.definition, name),
      authentications: await this.policies(effect, world, place),
      ...(deadline !== undefined && { maxMs: Math.max(Date.parse(deadline) - Date.now(), 0) + GRACE_MS }),
    };
    return { http: this.http, mcp: this.mcp, a2a: this.a2a }[call].call(args, context);
  }

  /** Those of `use.authentications` that the call uses, with their expressions about the task filled in. */
  private async policies(effect: CallEffect, world: World, place: Step['place']): Promise<Record<string, JsonObject>> {
    const declared = world.definition.use?.authentications ?? {};
    const filled: Record<string, JsonObject> = {};
    for (const name of policiesOf(effect.with)) {
      const policy = Object.hasOwn(declared, name) ? declared[name] : undefined;
      if (policy === undefined) continue;
      const scope = await scopeOf(world, place, place.activation.input, policy);
      filled[name] = (await world.expressions.fill(policy, scope)) as JsonObject;
    }
    return filled;
  }

  /** `$secrets`. @throws WorkflowError authorization (DSL 1.0.3, "Secret") */
  async all(definition: Definition): Promise<Record<string, unknown>> {
    const names = definition.use?.secrets ?? [];
    const values = await Promise.all(names.map(async (name) => [name, await this.secret(definition, name)] as const));
    return Object.fromEntries(values);
  }

  private async secret(definition: Definition, name: string): Promise<unknown> {
    const value = definition.use?.secrets?.includes(name) ? await this.secrets.read(name) : undefined;
    if (value === undefined) throw new WorkflowError(problemOf('authorization', `There is no secret ${name}`));
    return value;
  }
}

/** As whom steps are done: as who started the run, with the rights they have now. */
@Injectable()
export class RunCallers {
  constructor(
    private readonly authenticator: Authenticator,
    private readonly store: RunStore,
    private readonly directory: WorkflowDirectory,
  ) {}

  /** @throws DomainError unauthenticated when the credential was revoked or expired */
  callerOf({ credential, address }: Pick<RunState, 'credential' | 'address'>): Promise<Caller> {
    return this.authenticator.recall(credential, address ?? '');
  }

  /** What is not an agent of the registry may be called as long as the workflow may be run. @throws DomainError */
  async demandRun(run: Starter): Promise<Caller> {
    const caller = await this.callerOf(run);
    await this.directory.demandRun(caller, run);
    return caller;
  }

  /** @throws DomainError not_found, forbidden, invalid, rate_limited */
  async callOf(run: RunState, row: TaskRow, { with: args, atMostOnce }: CallEffect): Promise<FreshTask> {
    const caller = await this.callerOf(run);
    const { agent, skill } = args;
    if (typeof agent !== 'string') throw new DomainError('invalid', 'with.agent: expected the slug of an agent');
    if (skill !== undefined && typeof skill !== 'string')
      throw new DomainError('invalid', 'with.skill: expected the id of a skill');
    const { session_id: sessionId, trace, trace_state } = row;
    const ids = { sessionId: sessionId ?? undefined, trace: traceIn(trace, trace_state) };
    return this.store.newCall(caller, { agent, skill, parts: saidIn(args), atMostOnce, ...ids }, row.id);
  }
}

/** `message` is text, or whatever an expression made, as data; `parts` are as A2A has them. */
function saidIn({ message, parts, data }: JsonObject): Part[] {
  if (parts !== undefined && !Array.isArray(parts)) throw new DomainError('invalid', 'with.parts: expected an array');
  const text = typeof message === 'string' || message === undefined ? message : undefined;
  const made = text === undefined && message !== undefined ? [{ data: message }] : [];
  return [
    ...((parts as Part[] | undefined) ?? []),
    ...made,
    ...partsOf({ message: text, data: isJsonObject(data) ? data : undefined }),
  ];
}
