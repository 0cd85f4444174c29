import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { NestFactory } from '@nestjs/core';
import { expect, test } from 'vitest';
import { ExpressionError, Expressions, ExpressionsModule, isExpression, type Scope } from '@app/expressions';

const PROGRAM = `
  import 'reflect-metadata';
  import { NestFactory } from '@nestjs/core';
  import { Expressions, ExpressionsModule } from './dist/libs/expressions/src/index.js';
  const app = await NestFactory.createApplicationContext(ExpressionsModule, { logger: false });
  const expressions = app.get(Expressions);
  const evaluate = (text) => expressions.evaluate(text, { data: { a: 1 }, variables: {} });
  const [sum, stopped] = await Promise.allSettled([evaluate('.a + 1'), evaluate('def f: f; f')]);
  if (!process.argv.includes('--leave')) await app.close();
  console.log(JSON.stringify({ sum: sum.value, stopped: stopped.reason.kind}));
`;
const node = (...args: string[]) =>
  promisify(execFile)(process.execPath, ['--input-type=module', '--eval', PROGRAM, '--', ...args], { timeout: 20_000 });

test('the compiled expressions find their thread, and nothing keeps the process once they are evaluated', async () => {
  const outcome = { sum: 2, stopped: 'timeout' };
  // Closed, and left as they are: idle threads hold nobody.
  for (const args of [[], ['--leave']]) {
    const { stdout, stderr } = await node(...args);
    expect({ said: JSON.parse(stdout), stderr }).toEqual({ said: outcome, stderr: '' });
  }
});

test('they are a module like any other, and refuse when it is closed', async () => {
  const app = await NestFactory.createApplicationContext(ExpressionsModule, { logger: false });
  const expressions = app.get(Expressions);
  const scope: Scope = { data: { names: ['Ada', 'Grace'] }, variables: { greeting: 'Hello' } };
  const text = '${ $greeting } ${ .names | join(" and ") }';
  expect(isExpression(text)).toBe(true);
  expect(await expressions.fill({ text }, scope)).toEqual({ text: 'Hello Ada and Grace' });
  await expect(expressions.evaluate('$bye', scope)).rejects.toBeInstanceOf(ExpressionError);
  const running = Promise.allSettled([
    expressions.evaluate('def f: f; f', scope),
    expressions.evaluate('. | 1', scope),
  ]);
  await app.close();
  for (const outcome of await running) expect(outcome).toMatchObject({ reason: { code: 'unavailable' } });
  await expect(expressions.evaluate('. | 1', scope)).rejects.toMatchObject({ code: 'unavailable' });
});
