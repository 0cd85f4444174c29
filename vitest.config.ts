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
    // Two keep two processors busy: a third makes everything slower, and time-outs come.
    maxWorkers: 2,
  },
});
