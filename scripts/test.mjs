/** `npm test [-- vitest arguments]`: sets up, builds, runs the tests. */
import { build, findServices, install, local, run } from './set-up.mjs';

install();
build();
findServices();
run(local('vitest'), ['run', ...process.argv.slice(2)]);
