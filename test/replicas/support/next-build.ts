import { execFileSync } from 'node:child_process';
import { cpSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { temporaryDirectory } from '../../support/own-postgres.js';

/** What a build takes. */
const SOURCES = ['apps', 'libs', 'migrations', 'scripts/bundle.mjs', 'nest-cli.json', 'tsconfig.json', 'package.json'];

/** What a later version may do to a schema on which this one goes on: it adds, and takes nothing away. */
const EXPANDS = [
  'alter table tasks add column expanded_priority int not null default 0',
  'alter table task_events add column expanded_note text',
  "alter table agents add column expanded_region text default 'here'",
  'create index expanded_tasks_priority on tasks (expanded_priority)',
  'create table expanded (id bigint generated always as identity primary key, agent uuid)',
];
export const NEXT_MIGRATION = 'Expands9999999999999';

/** The version under test with one migration more, as if it were the next one. */
export function nextBuild(): Disposable & { readonly program: string } {
  const directory = temporaryDirectory();
  const to = (path: string) => join(directory.path, path);
  for (const name of SOURCES) cpSync(name, to(name), { recursive: true });
  symlinkSync(resolve('node_modules'), to('node_modules'));
  renameSync(to('migrations/index.ts'), to('migrations/present.ts'));
  writeFileSync(to('migrations/index.ts'), INDEX);
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: directory.path });
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
