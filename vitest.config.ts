import { defineConfig } from 'vitest/config';

/** The arithmetic and the records: what is not run here by a test in its own process is not proved elsewhere either. */
const COVERED = ['contract', 'engine', 'training', 'store'];

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    reporters: ['default', ['json', { outputFile: 'reports/tests.json' }]],
    globalSetup: ['test/support/shared-redis.ts'],
    // Long, since tests wait for events and the machine may be slow: a limit is for what hangs.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 60_000 } },
    // Two cores are the smallest machine; many tests start processes of their own.
    maxWorkers: 2,
    coverage: {
      include: COVERED.map((room) => `src/${room}/**/*.ts`),
      exclude: ['src/engine/wasm/assembly/**'],
      reporter: ['text', 'json-summary'],
    },
  },
});
