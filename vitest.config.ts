import { defineConfig } from 'vitest/config';

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
  },
});
