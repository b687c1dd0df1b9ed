import { readFileSync } from 'node:fs';
import { percentile } from './percentile.ts';
import { ratios, resultsTable } from './results.ts';
import { writeTraining } from './results-file.ts';
import { type BenchRow, BenchRowSchema } from './run-figures.ts';

/** Writes bench/RESULTS.md from the runs in the given files, by default reports/bench.jsonl. */

const files = process.argv.length > 2 ? process.argv.slice(2) : ['reports/bench.jsonl'];
const rows: BenchRow[] = files.flatMap((file) =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => BenchRowSchema.parse(JSON.parse(line))),
);
const dates = rows.map(({ date }) => date.slice(0, 10)).sort();
const machines = [...new Set(rows.map(({ machine }) => machine))];
const peakOf = (peaks: readonly (number | null)[]): string => {
  const measured = peaks.filter((peak) => peak !== null);
  return measured.length === 0 ? 'not measured' : `${percentile(measured, 0.5).toFixed(1)} GFLOP/s`;
};
const fused = peakOf(rows.map(({ peak_gflops }) => peak_gflops));
const separate = peakOf(rows.map(({ separate_peak_gflops }) => separate_peak_gflops));

const raw = rows.map((row) =>
  [
    row.date.slice(0, 19),
    row.data,
    row.framework,
    row.variant,
    row.threads,
    row.train_seconds.toFixed(3),
    row.us_per_step.toFixed(1),
    row.us_per_step_best?.toFixed(1) ?? '-',
    row.evaluate_seconds.toFixed(4),
    row.peak_rss_mb.toFixed(0),
    row.test_accuracy,
    row.calibration_ms.toFixed(1),
    row.peak_gflops?.toFixed(1) ?? '-',
    row.separate_peak_gflops?.toFixed(1) ?? '-',
    row.weights_sha256?.slice(0, 12) ?? '-',
  ].join(' '),
);

writeTraining(
  `# Results

${machines.join('; ')}. ${dates[0]}${dates.at(-1) === dates[0] ? '' : ` to ${dates.at(-1)}`}. One core's float32
peak, the median of those around the runs: ${fused} with fused multiply-adds, ${separate} with separate multiplications and additions.
README.md in this folder explains how this was measured and what it means.

${resultsTable(rows)}

## Ratios

${ratios(rows)}

## Raw numbers

date, data, framework, variant, threads, training s, us a step (mean, best decile), evaluation s, peak MB, test accuracy,
calibration ms, float32 peak GFLOP/s (fused, separate), weights' SHA-256:

\`\`\`
${raw.join('\n')}
\`\`\`
`,
);
console.log(`bench/RESULTS.md: ${rows.length} runs`);
