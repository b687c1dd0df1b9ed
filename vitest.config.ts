import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * The floors of coverage, in per cent, a little under what is measured. Lines that run in child processes only, from
 * dist/, do not count: so native/ is low, and the store has what only workers call.
 */
const FLOORS = {
  'src/contract/**': { lines: 80, branches: 84 },
  'src/engine/**': { lines: 90, branches: 78 },
  'src/training/**': { lines: 95, branches: 92 },
  'src/store/**': { lines: 84, branches: 70 },
};

/** The files that take minutes, mostly of waiting. Started last, they would run alone at the end. */
const LONGEST = ['crashes.test.ts', 'faults.test.ts', 'main.test.ts', 'tensorflow-wasm.test.ts'];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) =>
      LONGEST.findIndex((name) => moduleId.endsWith(`/${name}`));
    const isLong = (file: TestSpecification) => rank(file) >= 0;
    const others = await super.sort(files.filter((file) => !isLong(file)));
    return [...files.filter(isLong).sort((a, b) => rank(a) - rank(b)), ...others];
  }
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    reporters: ['default', ['json', { outputFile: 'reports/tests.json' }]],
    globalSetup: ['test/support/shared-redis.ts'],
    // Long, since tests wait for events and the machine may be slow: a limit is for what hangs.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 60_000 } },
    // One more than the smallest machine has cores: many tests wait for processes of their own.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    coverage: {
      include: Object.keys(FLOORS).map((room) => `${room}/*.ts`),
      exclude: ['src/engine/wasm/assembly/**'],
      reporter: ['text-summary'],
      thresholds: FLOORS,
    },
  },
});
