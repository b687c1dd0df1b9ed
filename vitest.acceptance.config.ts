import { defineConfig } from 'vitest/config';

/** The slow proofs that CI runs once: minutes each, on all of MNIST. */
export default defineConfig({
  test: {
    include: ['test/acceptance/**/*.acceptance.ts'],
    reporters: ['default', ['json', { outputFile: 'reports/acceptance.json' }]],
    globalSetup: ['test/support/shared-redis.ts'],
    testTimeout: 1_200_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 60_000 } },
    fileParallelism: false,
  },
});
