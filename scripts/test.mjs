/** `npm test [-- vitest arguments]`: sets up, builds, runs the tests. */
import { build, findRedis, install, local, run } from './set-up.mjs';

install();
build();
findRedis();
run(local('vitest'), ['run', ...process.argv.slice(2)]);
