import { readdirSync, readFileSync } from 'node:fs';
import { type Definition, readDefinition } from '@app/dsl';

const FOLDER = 'test/workflows';

/** The text of each committed example, by its file's name. */
export const exampleTexts: ReadonlyMap<string, string> = new Map(
  readdirSync(FOLDER)
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => [file, readFileSync(`${FOLDER}/${file}`, 'utf8')]),
);

/** A definition that must be good. */
export function definitionOf(source: string | object): Definition {
  const { definition, problems } = readDefinition(source);
  if (definition === undefined) throw new Error(JSON.stringify(problems));
  return definition;
}

/** A good definition with these tasks. */
export const withTasks = (tasks: unknown, others: object = {}): object => ({
  document: { dsl: '1.0.3', namespace: 'tests', name: 'one', version: '1.0.0' },
  ...others,
  do: tasks,
});
