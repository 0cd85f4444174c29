/** `npm run dev`: builds, serves and does both again when a source changes. */
import { install, local, run } from './set-up.mjs';

install();
run(local('nest'), ['start', 'server', '--watch']);
