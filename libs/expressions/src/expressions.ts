import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { ExpressionError } from './expression-error.js';
import { JqPool } from './jq-pool.js';
import { MAX_EXPRESSION } from './limits.js';
import { evaluatePlain, NOT_PLAIN } from './plain.js';
import { checking, complaintOf, evaluating, Input, isRefused, namesIn, resultOf } from './program.js';
import type { Scope } from './scope.js';
import { isExpression, partsOf, wholeExpression } from './template.js';

/** Runtime expressions of the Serverless Workflow DSL 1.0: jq 1.8, shut off from everything but its scope, and limited. */
@Injectable()
export class Expressions implements OnApplicationShutdown {
  private readonly jq = new JqPool(new URL('./jq-worker.js', import.meta.url));

  /** After what ends while the server drains was evaluated. */
  async onApplicationShutdown(): Promise<void> {
    await this.jq.close();
  }

  /**
   * The first result of an expression, with or without `${ }`; null when there is none. A text that holds `${ }` beside other
   * text gives that text, filled in.
   * @param signal stops waiting; the promise is rejected with its reason
   * @throws ExpressionError; DomainError `unavailable` when too many wait or the server stops
   */
  async evaluate(expression: string, scope: Scope, signal?: AbortSignal): Promise<unknown> {
    if (isExpression(expression)) return this.fillText(expression, new Input(scope), signal);
    return this.run(expression, new Input(scope), signal);
  }

  /**
   * The same value with each text that is one `${ }`, at any depth, replaced by its result, and `${ }` beside other text by
   * its result as text. Keys stay as they are.
   */
  async fill(value: unknown, scope: Scope, signal?: AbortSignal): Promise<unknown> {
    return this.fillValue(value, new Input(scope), signal);
  }

  /** Whether the result is neither false nor null, nor missing. */
  async holds(expression: string, scope: Scope, signal?: AbortSignal): Promise<boolean> {
    const result = await this.evaluate(expression, scope, signal);
    return result !== false && result !== null;
  }

  /**
   * What is wrong with an expression, or with the first bad one of a text that holds several, in a sentence; undefined when it
   * is well-formed. Nothing is evaluated.
   * @param known the variables that there will be, without their `$`
   */
  async check(expression: string, known: readonly string[]): Promise<string | undefined> {
    if (!isExpression(expression)) return this.checkOne(expression, known);
    for (const part of partsOf(expression)) {
      const wrong = 'expression' in part ? await this.checkOne(part.expression, known) : undefined;
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  }

  private async checkOne(expression: string, known: readonly string[]): Promise<string | undefined> {
    if (expression.trim() === '') return 'The expression is empty';
    // jq would read up to it and no further.
    if (expression.includes('\0')) return 'The expression holds a NUL character';
    if (expression.length > MAX_EXPRESSION) return `The expression is longer than ${MAX_EXPRESSION} characters`;
    const program = checking(expression, namesIn(expression, known));
    const answer = await this.jq.run({ program, input: () => 'null' });
    if (isRefused(answer) && 'stderr' in answer) return complaintOf(answer.stderr, known);
    try {
      resultOf(expression, answer);
      return undefined;
    } catch (error) {
      if (error instanceof ExpressionError) return error.message;
      throw error;
    }
  }

  // One after the other: a failure ends it, and a long list takes no more than its turn of the threads.
  private async fillValue(value: unknown, input: Input, signal: AbortSignal | undefined): Promise<unknown> {
    if (typeof value === 'string') return this.fillText(value, input, signal);
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) {
      const items: unknown[] = [];
      for (const item of value) items.push(await this.fillValue(item, input, signal));
      return items;
    }
    const entries: [string, unknown][] = [];
    for (const [key, item] of Object.entries(value)) entries.push([key, await this.fillValue(item, input, signal)]);
    return Object.fromEntries(entries);
  }

  private async fillText(text: string, input: Input, signal: AbortSignal | undefined): Promise<unknown> {
    const whole = wholeExpression(text);
    if (whole !== undefined) return this.run(whole, input, signal);
    let filled = '';
    for (const part of partsOf(text)) {
      const result = 'text' in part ? part.text : await this.run(part.expression, input, signal);
      filled += typeof result === 'string' ? result : JSON.stringify(result);
    }
    return filled;
  }

  private async run(expression: string, input: Input, signal: AbortSignal | undefined): Promise<unknown> {
    signal?.throwIfAborted();
    const plain = evaluatePlain(expression, input.scope);
    if (plain !== NOT_PLAIN) return plain;
    if (expression.length > MAX_EXPRESSION) {
      throw new ExpressionError('too_large', `It is longer than ${MAX_EXPRESSION} characters`, expression);
    }
    const known = Object.keys(input.scope.variables);
    if (expression.includes('\0')) {
      throw new ExpressionError('syntax', 'The expression holds a NUL character', expression);
    }
    const names = namesIn(expression, known);
    const job = { program: evaluating(expression, names), input: () => input.textFor(expression, names) };
    const answer = await this.jq.run(job, signal);
    // The program has more after the expression, at which jq might take offence instead.
    const wrong = isRefused(answer) ? await this.checkOne(expression, known) : undefined;
    if (wrong !== undefined) throw new ExpressionError('syntax', wrong, expression);
    return resultOf(expression, answer);
  }
}
