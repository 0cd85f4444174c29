/**
 * The second half of `npm run build`: makes a few files of the compiled server and the packages it uses, in its place. To
 * read 2,600 modules one by one takes longer than to start with them.
 */
import { readFileSync, renameSync, rmSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { rolldown } from 'rolldown';

const dist = join(import.meta.dirname, '..', 'dist');
const server = join(dist, 'apps', 'server', 'src');
const bundled = join(dist, 'apps', 'server', 'bundled');

const bundle = await rolldown({
  input: { main: join(server, 'main.js'), 'jq-worker': join(dist, 'libs', 'expressions', 'src', 'jq-worker.js') },
  platform: 'node',
  plugins: [
    { name: 'absent-packages', resolveId: leaveAbsent },
    { name: 'source-maps', load: withMap },
  ],
  onLog,
});
await bundle.write({
  dir: bundled,
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: '[name]-[hash].js',
  sourcemap: true,
  sourcemapExcludeSources: true,
  // Names of classes are names of NestJS's tokens and of TypeORM's entities.
  keepNames: true,
});
rmSync(server, { recursive: true });
renameSync(bundled, server);

/** What NestJS and others use only where it is installed stays a question for the start. */
async function leaveAbsent(id, importer, options) {
  if (isBuiltin(id)) return { id, external: true };
  const found = await this.resolve(id, importer, { ...options, skipSelf: true });
  const isPackage = !/^[./]/.test(id);
  return found ?? (isPackage ? { id, external: true } : null);
}

/** What is imported and not there ends the build, as it would end the start of single modules. */
function onLog(level, log, report) {
  if (log.code !== 'IMPORT_IS_UNDEFINED') return report(level, log);
  // What the compiler leaves of the type `z.infer` where a decorator sees it: it asks at run time whether it is a value.
  if (!log.message.includes('`infer`')) throw new Error(log.message);
}

/** Traces lead to our sources, through what the compiler made of them. */
function withMap(id) {
  if (!id.startsWith(dist)) return undefined;
  return { code: readFileSync(id, 'utf8'), map: JSON.parse(readFileSync(`${id}.map`, 'utf8')) };
}
