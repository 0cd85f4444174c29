import { cpSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { temporaryDirectory } from '../../support/own-postgres.js';

/** What a later version may do to a schema on which this one goes on: it adds, and takes nothing away. */
const EXPANDS = [
  'alter table tasks add column expanded_priority int not null default 0',
  'alter table task_events add column expanded_note text',
  "alter table agents add column expanded_region text default 'here'",
  'create index expanded_tasks_priority on tasks (expanded_priority)',
  'create table expanded (id bigint generated always as identity primary key, agent uuid)',
];
export const NEXT_MIGRATION = 'Expands9999999999999';

/** The build under test with one migration more, as if it were the next version's. */
export function nextBuild(): Disposable & { readonly program: string } {
  const directory = temporaryDirectory();
  const to = (path: string) => join(directory.path, path);
  cpSync('dist', to('dist'), { recursive: true });
  for (const name of ['node_modules', 'package.json']) symlinkSync(resolve(name), to(name));
  const migrations = to('dist/migrations');
  renameSync(join(migrations, 'index.js'), join(migrations, 'present.js'));
  writeFileSync(join(migrations, 'index.js'), INDEX);
  return { program: to('dist/apps/server/src/main.js'), [Symbol.dispose]: () => directory[Symbol.dispose]() };
}

const INDEX = `
import { migrations as present } from './present.js';
class ${NEXT_MIGRATION} {
  name = '${NEXT_MIGRATION}';
  async up(runner) {
    for (const statement of ${JSON.stringify(EXPANDS)}) await runner.query(statement);
  }
  async down() {}
}
export const migrations = [...present, ${NEXT_MIGRATION}];
`;
