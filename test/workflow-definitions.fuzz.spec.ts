import { readDefinition } from '@app/dsl';
import { validate } from '@serverlessworkflow/sdk';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { definitionOf, exampleTexts } from './support/workflows.js';

const SEED = 20260915;
const examples = [...exampleTexts.values()].map((text) => definitionOf(text) as unknown as object);
const WORDS = [
  'do',
  'call',
  'with',
  'then',
  'catch',
  'retry',
  'until',
  'latest',
  'end',
  'PT1S',
  '${ . }',
  '${',
  'x',
  '',
  '__proto__',
  'constructor',
  'http',
  'human',
];

const value = fc.oneof(
  fc.constantFrom(...WORDS),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
  fc.jsonValue({ maxDepth: 2 }),
);
const mutation = fc.record({
  where: fc.nat(),
  how: fc.constantFrom('replace', 'remove', 'rename', 'add', 'repeat', 'move'),
  word: fc.constantFrom(...WORDS),
  value,
  from: fc.nat(),
});
type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never;
type Container = Record<string, unknown>;

/** Every object and list in a document, with its members. */
function containers(node: unknown, found: Container[] = []): Container[] {
  if (typeof node !== 'object' || node === null) return found;
  found.push(node as Container);
  for (const member of Object.values(node)) containers(member, found);
  return found;
}

function mutate(document: object, { where, how, word, value: content, from }: Mutation): void {
  const all = containers(document);
  const target = all[where % all.length] ?? {};
  const keys = Object.keys(target);
  const key = keys[from % Math.max(1, keys.length)];
  if (how === 'add' || key === undefined) return set(target, word, content);
  if (how === 'replace') return set(target, key, content);
  if (how === 'remove') return void (Array.isArray(target) ? target.splice(Number(key), 1) : delete target[key]);
  if (how === 'rename') return set(target, word, target[key]);
  if (how === 'repeat' && Array.isArray(target)) return void target.push(structuredClone(target[Number(key)]));
  const other = all[from % all.length];
  // A copy: a document that holds itself is no document.
  if (other) set(target, key, structuredClone(other));
}

function set(target: Container, key: string, content: unknown): void {
  if (Array.isArray(target)) target.push(content);
  else Object.defineProperty(target, key, { value: content, enumerable: true, configurable: true, writable: true });
}

const pointsInto = (document: unknown, path: string): boolean =>
  path
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    .every((step) => {
      const there = typeof document === 'object' && document !== null && Object.hasOwn(document, step);
      document = there ? (document as Container)[step] : undefined;
      return there;
    });

describe('whatever is sent', () => {
  test('is read without a throw, never passes what the schema of the DSL rejects, and each problem points into it', () => {
    let [passed, refused] = [0, 0];
    fc.assert(
      fc.property(
        fc.nat(examples.length - 1),
        fc.array(mutation, { minLength: 1, maxLength: 2 }),
        (which, mutations) => {
          const document = structuredClone(examples[which] ?? {});
          for (const one of mutations) mutate(document, one);
          const { definition, problems } = readDefinition(document);
          if (definition) {
            passed += 1;
            validate('Workflow', definition as never);
            return true;
          }
          refused += 1;
          return (
            problems.length > 0 &&
            problems.every(({ path, message }) => pointsInto(document, path) && /[.]$/.test(message))
          );
        },
      ),
      { numRuns: 1500, seed: SEED },
    );
    // Else the mutations were too wild, or too tame, to show anything.
    expect(Math.min(passed, refused)).toBeGreaterThan(100);
  });

  test('as text is read without a throw', () => {
    const texts = [...exampleTexts.values()];
    const edit = fc.tuple(fc.nat(), fc.nat(20), fc.string({ unit: 'binary', maxLength: 8 }));
    fc.assert(
      fc.property(fc.constantFrom(...texts), fc.array(edit, { minLength: 1, maxLength: 3 }), (text, edits) => {
        const edited = edits.reduce((now, [at, cut, put]) => {
          const start = at % (now.length + 1);
          return now.slice(0, start) + put + now.slice(start + cut);
        }, text);
        const { definition, problems } = readDefinition(edited);
        expect(definition === undefined).toBe(problems.length > 0);
      }),
      { numRuns: 300, seed: SEED },
    );
  });
});
