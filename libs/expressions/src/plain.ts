import type { Scope } from './scope.js';

/** Said of what jq itself must do: all but paths, literals and one comparison of such, and whatever would fail. */
export const NOT_PLAIN = Symbol('not plain');

const STRING = String.raw`"([^"\\\u0000-\u001f]*)"`;
const VARIABLE = /\$(?!__)([A-Za-z_]\w*)/y;
const FIELD = new RegExp(String.raw`\.(?:([A-Za-z_]\w*)|${STRING})|\.?\[${STRING}\]`, 'y');
const INDEX = /\.?\[(-?\d{1,9})\]/y;
const OPERATOR = /\s*(==|!=|<=|>=|<|>)\s*/y;
const LITERAL = new RegExp(String.raw`(?:true|false|null)\b|${STRING}`, 'y');
/** jq compares longer numbers digit by digit. */
const NUMBER = /-?\d{1,9}(?:\.\d{1,6})?(?![\w.])/y;

/** The result that jq would give, at once; or NOT_PLAIN. */
export function evaluatePlain(expression: string, { data, variables }: Scope): unknown {
  const text = expression.trim();
  let at = 0;

  const left = term();
  if (left === NOT_PLAIN || at === text.length) return left;
  const operator = take(OPERATOR)?.[1];
  if (operator === undefined) return NOT_PLAIN;
  const right = term();
  return right === NOT_PLAIN || at < text.length ? NOT_PLAIN : compared(left, operator, right);

  function take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match === null) return undefined;
    at = pattern.lastIndex;
    return match;
  }

  function term(): unknown {
    const variable = take(VARIABLE)?.[1];
    if (variable !== undefined) {
      return Object.hasOwn(variables, variable) ? path(variables[variable] ?? null) : NOT_PLAIN;
    }
    if (text[at] === '.') {
      if (!/[\w"[]/.test(text[at + 1] ?? '')) at++;
      return path(data ?? null);
    }
    const literal = take(LITERAL) ?? take(NUMBER);
    return literal === undefined ? NOT_PLAIN : JSON.parse(literal[0]);
  }

  function path(from: unknown): unknown {
    let value = from;
    while (at < text.length) {
      const field = take(FIELD);
      const index = field === undefined ? take(INDEX)?.[1] : undefined;
      if (field !== undefined) value = fieldOf(value, field[1] ?? field[2] ?? field[3] ?? '');
      else if (index !== undefined) value = elementOf(value, Number(index));
      else break;
      if (value === NOT_PLAIN) break;
    }
    return value;
  }
}

function fieldOf(value: unknown, name: string): unknown {
  if (value === null) return null;
  if (typeof value !== 'object' || Array.isArray(value)) return NOT_PLAIN;
  return Object.hasOwn(value, name) ? ((value as Record<string, unknown>)[name] ?? null) : null;
}

function elementOf(value: unknown, index: number): unknown {
  if (value === null) return null;
  return Array.isArray(value) ? (value.at(index) ?? null) : NOT_PLAIN;
}

function compared(left: unknown, operator: string, right: unknown): unknown {
  const [a, b] = [rank(left), rank(right)];
  if (a === undefined || b === undefined) return NOT_PLAIN;
  const order = a === b ? orderOf(left, right) : a - b;
  if (operator === '==') return order === 0;
  if (operator === '!=') return order !== 0;
  if (operator === '<') return order < 0;
  if (operator === '<=') return order <= 0;
  return operator === '>' ? order > 0 : order >= 0;
}

/** jq's order of types. */
function rank(value: unknown): number | undefined {
  if (value === null) return 0;
  if (typeof value === 'boolean') return value ? 2 : 1;
  if (typeof value === 'number') return 3;
  return typeof value === 'string' ? 4 : undefined;
}

function orderOf(left: unknown, right: unknown): number {
  if (typeof left === 'number' && typeof right === 'number') return left - right;
  // By code points, where JavaScript orders by UTF-16 units.
  if (typeof left === 'string' && typeof right === 'string')
    return Buffer.compare(Buffer.from(left), Buffer.from(right));
  return 0;
}
