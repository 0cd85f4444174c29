import { Expressions } from '../../dist/libs/expressions/src/index.js';
import { median } from './figures.mjs';
import { inTurns, ratioOf } from './measure.mjs';

const SCOPE = {
  data: { order: { lines: [{ sku: 'a', price: 10 }], customer: { name: 'Ada' } } },
  variables: { context: { user: { id: 7 } } },
};
/** Both give the same; the second is more than a plain path. */
const [PLAIN, JQ] = ['.order.lines[0].price', '.order | .lines[0].price'];
/** A thread must be well worth avoiding. */
const AT_MOST = 0.05;

export const title = 'An expression evaluated without jq, and by jq in a thread, one after the other';

export async function run(_stage, { rounds, seconds }) {
  const expressions = new Expressions();
  try {
    const micros = await inTurns(rounds, {
      plain: () => perEvaluation(expressions, PLAIN, seconds),
      jq: () => perEvaluation(expressions, JQ, seconds),
    });
    return [
      { key: 'plainMicros', what: 'a plain path', value: median(micros.plain), unit: 'µs' },
      { key: 'jqMicros', what: 'by jq', value: median(micros.jq), unit: 'µs' },
      {
        key: 'plainRatio',
        what: 'plain / by jq',
        value: ratioOf(micros.plain, micros.jq),
        unit: '×',
        atMost: AT_MOST,
      },
    ];
  } finally {
    await expressions.onModuleDestroy();
  }
}

async function perEvaluation(expressions, expression, seconds) {
  const started = performance.now();
  const end = started + seconds * 1_000;
  let evaluations = 0;
  for (let now = started; now < end; now = performance.now()) {
    const result = await expressions.evaluate(expression, SCOPE);
    if (result !== 10) throw new Error(`${expression} gave ${JSON.stringify(result)}`);
    evaluations++;
  }
  return ((performance.now() - started) * 1_000) / evaluations;
}
