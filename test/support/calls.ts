import { NestFactory } from '@nestjs/core';
import { A2aCalls, type CallContext, CallError, CallsModule, HttpCalls, McpCalls } from '@app/calls';
import { ConfigModule } from '@app/config';
import type { JsonObject } from '@app/core';
import { TelemetryModule } from '@app/telemetry';
import { afterAll } from 'vitest';
import { databaseConfig } from './database-app.js';

/** The calls of a workflow as the server wires them, for the tests of one file. */
export async function useCalls(env: Record<string, string> = { ALLOWED_NETWORKS: '127.0.0.0/8' }) {
  class Root {}
  const imports = [ConfigModule.forRoot(databaseConfig(env)), TelemetryModule, CallsModule];
  const app = await NestFactory.createApplicationContext(
    { module: Root, imports },
    { logger: false, abortOnError: false },
  );
  afterAll(() => app.close());
  const calls = { http: app.get(HttpCalls), mcp: app.get(McpCalls), a2a: app.get(A2aCalls) };
  return (kind: keyof typeof calls, args: JsonObject, context: Partial<CallContext> = {}): Promise<unknown> =>
    calls[kind].call(args, { ...contextWith({}), ...context });
}

/** A step that may use these secrets. */
export function contextWith(secrets: Readonly<Record<string, unknown>>, more: Partial<CallContext> = {}): CallContext {
  return {
    signal: new AbortController().signal,
    idempotencyKey: 'step-key',
    authentications: {},
    secret: async (name) => {
      if (!(name in secrets)) throw new CallError('authorization', `The secret ${name} may not be used here`);
      return secrets[name];
    },
    ...more,
  };
}

/** How a call that must fail fails: `type status: detail`, the type without its path. */
export async function errorOf(outcome: Promise<unknown>): Promise<string> {
  const error: unknown = await outcome.then(
    (value) => new Error(`It did not fail, but gave ${JSON.stringify(value).slice(0, 1_000)}`),
    (reason: unknown) => reason,
  );
  if (!(error instanceof CallError)) throw error;
  const prefix = 'https://serverlessworkflow.io/spec/1.0.0/errors/';
  return `${error.type.replace(prefix, '')} ${error.status}: ${error.detail}`;
}
