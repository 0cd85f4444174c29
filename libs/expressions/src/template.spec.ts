import { expect, test } from 'vitest';
import { isExpression, partsOf, wholeExpression } from './template.js';

test.each([
  ['${ .a }', ' .a '],
  [' \n${.a}\n', '.a'],
  ['${ {a: {b: "}"}} }', ' {a: {b: "}"}} '],
  ['${ "\\(.a | {x: "}"})\\"}" }', ' "\\(.a | {x: "}"})\\"}" '],
  ['${ .a # } not yet\n}', ' .a # } not yet\n'],
  ['${ .a } ${ .b }', undefined],
  ['x${ .a }', undefined],
  ['.a', undefined],
  ['${ .a', undefined],
  ['${ (.a} )', undefined],
])('%j is wholly the expression %j', (text, expression) => {
  expect(wholeExpression(text)).toBe(expression);
});

test('a text is cut at its expressions', () => {
  expect(partsOf('a ${.b}${.c} d ${')).toEqual([
    { text: 'a ' },
    { expression: '.b' },
    { expression: '.c' },
    { text: ' d ${' },
  ]);
  expect(partsOf('')).toEqual([]);
  expect(['${.a}', 'x ${.a}', '${', '$a', '{}'].map(isExpression)).toEqual([true, true, false, false, false]);
});
