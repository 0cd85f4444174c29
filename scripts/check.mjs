/** `npm run check`: the static gate. Every tool runs, so that all complaints are seen at once. */
import { spawnSync } from 'node:child_process';
import { install, local, root } from './set-up.mjs';

const CODE = ['apps', 'libs', 'migrations', 'test', 'helm/dashboard', 'scripts'];
const GATES = {
  lock: ['node', 'scripts/check-lock.mjs'],
  types: ['node', 'node_modules/typescript7/bin/tsc', '-p', 'tsconfig.json', '--noEmit'],
  lint: [local('oxlint'), '--type-aware', '--deny-warnings', ...CODE],
  layering: [local('depcruise'), 'apps', 'libs', 'migrations', 'test'],
  unused: [local('knip')],
  format: [local('prettier'), '--check', '.'],
};

install();
const failed = Object.entries(GATES).filter(([name, [command, ...args]]) => {
  console.log(`== ${name}`);
  return spawnSync(command, args, { cwd: root, stdio: 'inherit' }).status !== 0;
});
if (failed.length > 0) {
  console.error(`\nNot passed: ${failed.map(([name]) => name).join(', ')}`);
  process.exit(1);
}
