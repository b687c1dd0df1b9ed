import { percentile } from './percentile.ts';
import type { BenchRow } from './run-figures.ts';

/** Runs of the reference job as tables, one per dataset, the fastest first. */
export function resultsTable(rows: readonly BenchRow[]): string {
  const datasets = [...new Set(rows.map(({ data }) => data))];
  return datasets
    .map((data) =>
      tableOf(
        data,
        rows.filter((row) => row.data === data),
      ),
    )
    .join('\n\n');
}

const COLUMNS = [
  'what',
  'threads',
  'n',
  'training s (min - max)',
  'us a step',
  'best decile',
  'steps/s',
  'before the 1st step s',
  'evaluation ms',
  'peak MB',
  'of float32 peak',
  'test accuracy',
  'calibration ms',
];

function tableOf(data: string, rows: readonly BenchRow[]): string {
  const groups = groupsOf(rows);
  groups.sort((a, b) => median(a, 'train_seconds') - median(b, 'train_seconds'));
  const lines = [COLUMNS, COLUMNS.map(() => '---'), ...groups.map(lineOf)];
  return [`${data}, ${rows[0].epochs} epochs:`, '', ...lines.map((cells) => `| ${cells.join(' | ')} |`)].join(
    '\n',
  );
}

/** The runs of the same contestant, grouped. */
function groupsOf(rows: readonly BenchRow[]): BenchRow[][] {
  const groups = new Map<string, BenchRow[]>();
  for (const row of rows) {
    const key = [row.framework, row.version, row.variant, row.threads].join();
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return [...groups.values()];
}

function lineOf(group: readonly BenchRow[]): string[] {
  const { framework, version, variant, threads } = group[0];
  const seconds = group.map(({ train_seconds }) => train_seconds);
  const usPerStep = median(group, 'us_per_step');
  const best = group.flatMap(({ us_per_step_best }) => us_per_step_best ?? []);
  const shares = group.flatMap((row) => shareOfPeak(row) ?? []);
  const calibrations = group.map(({ calibration_ms }) => calibration_ms);
  return [
    `${framework} ${variant} (${version})`,
    threads,
    String(group.length),
    `${median(group, 'train_seconds').toFixed(2)} (${Math.min(...seconds).toFixed(2)} - ${Math.max(...seconds).toFixed(2)})`,
    usPerStep.toFixed(0),
    best.length === 0 ? '' : percentile(best, 0.5).toFixed(0),
    (1e6 / usPerStep).toFixed(0),
    median(group, 'compile_seconds').toFixed(2),
    (1000 * median(group, 'evaluate_seconds')).toFixed(0),
    median(group, 'peak_rss_mb').toFixed(0),
    shares.length === 0 ? '' : `${(100 * percentile(shares, 0.5)).toFixed(0)} %`,
    accuracies(group),
    `${Math.min(...calibrations).toFixed(0)} - ${Math.max(...calibrations).toFixed(0)}`,
  ];
}

/** The share of the fused peak measured around that run, since a slow spell of the machine slows both. */
function shareOfPeak({ mflop_per_step, us_per_step, peak_gflops }: BenchRow): number | undefined {
  if (mflop_per_step === undefined || peak_gflops === null) return undefined;
  return (mflop_per_step * 1e6) / (us_per_step * 1e-6) / (peak_gflops * 1e9);
}

/** One number if all runs agree, else the range. */
function accuracies(group: readonly BenchRow[]): string {
  const all = group.map(({ test_accuracy }) => test_accuracy);
  const [least, most] = [Math.min(...all).toFixed(4), Math.max(...all).toFixed(4)];
  return least === most ? least : `${least} - ${most}`;
}

/** Our fastest engine, which uses one thread, against the fastest peer on one thread and on all cores. */
export function ratios(rows: readonly BenchRow[]): string {
  const lines = [];
  for (const data of new Set(rows.map((row) => row.data))) {
    const groups = groupsOf(rows.filter((row) => row.data === data));
    const fastest = (those: BenchRow[][]) =>
      those.sort((a, b) => median(a, 'train_seconds') - median(b, 'train_seconds'))[0];
    const ours = fastest(groups.filter(([row]) => row!.framework === 'descent'));
    for (const threads of ['1', 'default'] as const) {
      const peer = fastest(
        groups.filter(([row]) => row!.framework !== 'descent' && row!.threads === threads),
      );
      if (ours === undefined || peer === undefined) continue;
      const ratio = median(peer, 'train_seconds') / median(ours, 'train_seconds');
      lines.push(
        `- ${data}, peers with ${threads === '1' ? 'one thread' : 'all cores'}: the fastest is ${peer[0].framework} ` +
          `${peer[0].variant}, with ${median(peer, 'train_seconds').toFixed(2)} s of training; our ${ours[0].variant}, ` +
          `on one thread, takes ${median(ours, 'train_seconds').toFixed(2)} s: **${ratio.toFixed(2)} times as fast**.`,
      );
    }
  }
  return lines.join('\n');
}

type Figure = 'train_seconds' | 'us_per_step' | 'compile_seconds' | 'evaluate_seconds' | 'peak_rss_mb';

const median = (group: readonly BenchRow[], figure: Figure): number =>
  percentile(
    group.map((row) => row[figure]),
    0.5,
  );
