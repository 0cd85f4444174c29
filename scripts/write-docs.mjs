/** `npm run docs`: writes the pages that follow from the code. A test fails when they are not up to date. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runnerImport } from 'vite';
import { chartReadme } from './chart-readme.mjs';
import { build, install, root } from './set-up.mjs';

install();
build();
const { configurationPage } = await import('../dist/libs/config/src/index.js');
writeFileSync(join(root, 'docs', 'configuration.md'), configurationPage());
const { metricsPage } = await import('../dist/libs/telemetry/src/index.js');
writeFileSync(join(root, 'docs', 'metrics.md'), await metricsPage());
// The dashboard is not part of the build: Vite reads its TypeScript.
const { module } = await runnerImport(join(root, 'helm', 'dashboard', 'dashboard.ts'), { logLevel: 'error' });
writeFileSync(
  join(root, 'helm', 'a2a-mcp', 'files', 'dashboard.json'),
  `${JSON.stringify(module.dashboard(), null, 2)}\n`,
);
const { keywordsPage } = await import('../dist/libs/dsl/src/index.js');
writeFileSync(join(root, 'docs', 'workflow-keywords.md'), keywordsPage());
writeFileSync(join(root, 'helm', 'a2a-mcp', 'README.md'), chartReadme());
