import type { WorkerReport } from '../contract/worker-report.ts';
import { wallClockMs } from '../process/clock.ts';
import { type Finding, note, ok, wrong } from './finding.ts';

/** More than the way to Redis can explain. No decision depends on these clocks, but log lines are hard to compare. */
const SKEW_MS = 1_000;

/**
 * The workers: whether there are any that take jobs, their versions, and their clocks.
 * @param redisMs time of Redis in ms since the Unix epoch
 * @param version of this program
 */
export function checkWorkers(reports: readonly WorkerReport[], redisMs: number, version: string): Finding[] {
  if (reports.length === 0)
    return [
      wrong('No worker has reported in the last 15 s. Start one; if one runs, its log has the reason.'),
    ];
  return [
    ok(
      `${reports.length} workers report, with room for ${reports.reduce((sum, { concurrency }) => sum + concurrency, 0)} jobs.`,
    ),
    ...reports.flatMap(({ id, problem }) =>
      problem === null ? [] : [wrong(`The worker ${id} takes no jobs: ${problem}`)],
    ),
    ...checkVersions(reports, version),
    ...checkClocks(reports, redisMs),
  ];
}

function checkVersions(reports: readonly WorkerReport[], version: string): Finding[] {
  const others = reports.filter((report) => report.version !== version);
  if (others.length === 0) return [ok(`All workers run version ${version}.`)];
  const list = others.map(({ id, version: theirs }) => `${id} runs ${theirs}`).join(', ');
  return [
    note(`This is version ${version}, but ${list}. During an upgrade that is right; otherwise update them.`),
  ];
}

function checkClocks(reports: readonly WorkerReport[], redisMs: number): Finding[] {
  const clocks: [name: string, offsetMs: number | null][] = [
    ['this machine', wallClockMs() - redisMs],
    ...reports.map(({ host, clock_offset_ms }): [string, number | null] => [
      `the worker on ${host}`,
      clock_offset_ms,
    ]),
  ];
  const off = clocks.filter(([, offsetMs]) => offsetMs !== null && Math.abs(offsetMs) > SKEW_MS);
  if (off.length === 0) return [ok('All clocks agree with that of Redis.')];
  return off.map(([name, offsetMs]) =>
    wrong(
      `The clock of ${name} differs from that of Redis by ${(offsetMs! / 1000).toFixed(1)} s. Set both by NTP: timedatectl set-ntp true`,
    ),
  );
}
