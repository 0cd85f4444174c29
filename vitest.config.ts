import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { tsconfigPaths: true },
  test: {
    include: ['{apps,libs,test}/**/*.spec.ts'],
    globalSetup: ['test/support/services.ts'],
    reporters: ['default', './test/support/closing-line.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Files share what they import; each starts and stops all else that it needs.
    isolate: false,
    // Files wait more than they work: three keep two processors busy.
    maxWorkers: 3,
  },
});
