import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const onPath = (program: string): boolean =>
  spawnSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' }).status === 0;

/**
 * Installs the Debian packages of those programs that are not there, where that can be done: as root, with apt-get.
 * @param packages which package brings a program, by the program's name or absolute path
 * @returns the programs that are still missing
 */
export async function installPrograms(packages: Readonly<Record<string, string>>): Promise<string[]> {
  const missing = () => Object.keys(packages).filter((program) => !onPath(program));
  const wanted = missing().map((program) => packages[program] ?? program);
  if (wanted.length === 0 || process.getuid?.() !== 0 || !onPath('apt-get')) return missing();
  // RUNLEVEL: a package that is a service must not start it. The lock: another test may be installing.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const apt = (...args: string[]) => run('apt-get', ['-o', 'DPkg::Lock::Timeout=300', ...args], { env });
  await apt('update').catch(() => undefined);
  await apt('install', '-y', '--no-install-recommends', ...wanted).catch(() => undefined);
  return missing();
}

/** In CI every test runs; elsewhere one that cannot says so and is skipped. @throws in CI */
export function skippedWithout(what: string, missing: readonly string[]): boolean {
  if (missing.length === 0) return false;
  const complaint = `${what} cannot be tested here: ${missing.join(', ')}`;
  if (process.env.CI) throw new Error(`${complaint}. CI runs every test.`);
  console.warn(`\n!!! ${complaint}; SKIPPED.\n`);
  return true;
}
