/** What a fresh clone needs before anything else can run: packages, a build, and for the tests the services they talk to. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '..');
const INSTALLED = join(root, 'node_modules', '.installed-lock');
const BUILT = join(root, 'dist', 'apps', 'server', 'src', 'main.js');
const SOURCES = ['apps', 'libs', 'migrations', 'nest-cli.json', 'tsconfig.json', 'package.json', 'scripts/bundle.mjs'];

/** A program that the project's packages bring. */
export const local = (name) => join(root, 'node_modules', '.bin', name);

/** Runs a program in the project and ends this one when it fails. */
export function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (error) console.error(`${command}: ${error.message}`);
  if (status !== 0) process.exit(status ?? 1);
}

/** `npm ci`, unless what is installed is what the lock file says. */
export function install() {
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  if (existsSync(INSTALLED) && readFileSync(INSTALLED, 'utf8') === lock) return;
  console.log('Installing packages (npm ci) …');
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel', 'error']);
  writeFileSync(INSTALLED, lock);
}

/** Builds when a source is newer than the build. */
export function build() {
  if (existsSync(BUILT) && newest(SOURCES.map((name) => join(root, name))) < statSync(BUILT).mtimeMs) return;
  run('npm', ['run', '--silent', 'build'], { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** What tests talk to beside what npm brings, by the Debian package that has it. Where it cannot be had its tests count as skipped. */
const SERVICES = {
  'redis-server': () => process.env.TEST_REDIS_URL || onPath('redis-server') || onPath('valkey-server'),
  postgresql: () => existsSync('/usr/lib/postgresql') || (onPath('initdb') && onPath('pg_dump')),
  prometheus: () => onPath('prometheus'),
  curl: () => onPath('curl'),
};

/** Installs what is missing of them, as root on Debian; nothing is started. */
export function findServices() {
  const missing = Object.keys(SERVICES).filter((name) => !SERVICES[name]());
  if (missing.length === 0 || process.getuid?.() !== 0 || !onPath('apt-get')) return;
  console.log(`Installing ${missing.join(', ')} (apt-get) …`);
  const quiet = { stdio: 'ignore', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' } };
  spawnSync('apt-get', ['update'], quiet);
  spawnSync('apt-get', ['install', '-y', '--no-install-recommends', ...missing], quiet);
}

function onPath(program) {
  return spawnSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' }).status === 0;
}

function newest(paths) {
  return Math.max(
    0,
    ...paths.map((path) =>
      statSync(path).isDirectory() ? newest(readdirSync(path).map((name) => join(path, name))) : statSync(path).mtimeMs,
    ),
  );
}
