/**
 * Fails when the lock file misses an optional platform package: `npm install` drops those that the registry does not have
 * yet, and `npm ci` then stops for everybody ("Missing: … from lock file"). Also when it names a registry host.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './set-up.mjs';

const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
const names = new Set(Object.keys(packages).map((path) => path.split('node_modules/').at(-1)));
const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
  Object.keys(optionalDependencies)
    .filter((name) => !names.has(name))
    .map((name) => `${path} misses ${name}`),
);
const hosts = Object.keys(packages).filter((path) => packages[path].resolved !== undefined);
if (hosts.length > 0) {
  console.error(
    `package-lock.json names a registry host for ${hosts.length} packages; set omit-lockfile-registry-resolved`,
  );
  process.exit(1);
}
if (missing.length > 0) {
  console.error(`package-lock.json is not complete:\n${missing.join('\n')}`);
  process.exit(1);
}
