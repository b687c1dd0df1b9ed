import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { type Phase, VERSION } from './schemathesis.ts';

export interface Row {
  phase: Phase;
  cases: number;
  /** Unique failures. */
  failures: number;
}

/** Writes the committed table of a run. */
export function writeResults(runs: readonly { name: string; rows: readonly Row[] }[]): void {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const table = runs.flatMap(({ name, rows }) => [
    ...rows.map(({ phase, cases, failures }) => `| ${name} | ${phase} | ${cases} | ${failures} |`),
    `| ${name} | **all** | **${sum(rows, 'cases')}** | **${sum(rows, 'failures')}** |`,
  ]);
  writeFileSync(
    'test/fuzz/RESULTS.md',
    `# Results of the fuzz test

Written by \`npm run test:fuzz\` on ${new Date().toISOString().slice(0, 10)} at commit ${commit}, with Schemathesis ${VERSION}, Node
${process.version} and ${cpus().length} cores, against an API, a worker and a Redis. \`n\` counts requests with their checked responses.

All checks of Schemathesis are on, except \`ignored_auth\`; \`run.ts\` has the reason. \`normal.toml\` and \`outage.toml\` expect 431
for what is too long, 422 where the job or an uploaded file decides, 415 where such a file has no format, 412 where the job has
changed, and the second the documented 503 while Redis is away. \`hooks.py\` leaves out or changes cases, each with its reason:
unknown headers, a used Idempotency-Key with another body, ranges of JSON, rows of another length than the model's, URLs of
webhooks, losses that another dataset has, and rules of a spec that no JSON Schema can tell (numbers that 32-bit floats cannot
hold, limits of several fields, the engine tensorflow).

| run | phase | n | failures |
|---|---|---|---|
${table.join('\n')}
`,
  );
}

const sum = (rows: readonly Row[], what: 'cases' | 'failures'): number =>
  rows.reduce((total, row) => total + row[what], 0);
