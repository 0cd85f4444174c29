/** What a fresh clone needs before anything else can run: packages, a build, and for the tests a Redis. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '..');
const INSTALLED = join(root, 'node_modules', '.installed-lock');
const BUILT = join(root, 'dist', 'apps', 'server', 'src', 'main.js');
const SOURCES = ['apps', 'libs', 'migrations', 'nest-cli.json', 'tsconfig.json', 'package.json'];

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
  run(local('nest'), ['build', 'server'], { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** The cache tests talk to a real Redis; where none can be had they count as skipped. */
export function findRedis() {
  if (process.env.TEST_REDIS_URL || onPath('redis-server') || onPath('valkey-server')) return;
  if (process.getuid?.() !== 0 || !onPath('apt-get')) return;
  console.log('Installing redis-server (apt-get) …');
  const quiet = { stdio: 'ignore', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' } };
  spawnSync('apt-get', ['update'], quiet);
  spawnSync('apt-get', ['install', '-y', '--no-install-recommends', 'redis-server'], quiet);
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
