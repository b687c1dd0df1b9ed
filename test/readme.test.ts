import { execFile, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { JobSpecSchema } from '../src/contract/job-spec.ts';
import { listSettings } from '../src/process/config.ts';
import { Installation } from './end-to-end/installation.ts';
import { makeTemporaryFolder } from './support/temporary-folder.ts';

const README = readFileSync('README.md', 'utf8');

/** The code blocks of README.md in a language. */
const blocks = (language: string): string[] =>
  [...README.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(([, code]) => code!);

const run = promisify(execFile);

/** Runs README's own text against a running installation. */
async function execute(command: string, file: string, code: string, descent: Installation): Promise<string> {
  const folder = await makeTemporaryFolder();
  const path = join(folder, file);
  writeFileSync(path, code.replaceAll(/(?:http:\/\/)?localhost:3000/g, descent.url));
  const { stdout } = await run(command, [path], { cwd: folder });
  return stdout;
}

describe("README's examples, run as they stand", () => {
  it('curl', async () => {
    const descent = await Installation.start();
    const curls = blocks('sh').filter((code) => code.includes('curl') && !code.includes('npm run keys'));
    expect(curls).toHaveLength(3);
    const output = await execute('sh', 'example.sh', `set -e\n${curls.join('')}`, descent);
    expect(output).toContain('event: job.epoch');
    expect(output).toContain('event: job.succeeded');
    const [, documented] = /`weights_sha256` of `\{\}` \| `([0-9a-f]{64})`/.exec(README)!;
    expect(output).toContain(`"weights_sha256":"${documented}"`);
    expect(output).toMatch(/^ *437544$/m);
    expect(output).toMatch(/"label":"\d","class":\d/);
  });

  it.skipIf(spawnSync('python3', ['--version']).error !== undefined)('Python (needs python3)', async () => {
    const descent = await Installation.start({ concurrency: 2 });
    const [code] = blocks('python');
    const output = await execute('python3', 'example.py', code!, descent);
    expect(output).toMatch(/rmsprop: test accuracy 0\.[89]\d\d\d, weights [0-9a-f]{12}/);
    expect(output).toMatch(/adam: test accuracy 0\.[89]/);
  });

  it('TypeScript', async () => {
    const descent = await Installation.start();
    const [code] = blocks('ts');
    const { outputText } = ts.transpileModule(code!, {
      compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
    });
    const output = await execute(process.execPath, 'example.mjs', outputText, descent);
    expect(output).toContain('event: job.succeeded');
    expect(output).toMatch(/^3,\d+,/m);
  });
});

describe("README's facts", () => {
  it('it prints the spec that {} stands for', () => {
    expect(JSON.parse(blocks('json')[0])).toEqual(JobSpecSchema.parse({}));
  });

  it('it lists every setting with its default', () => {
    const rows = [...README.matchAll(/^\| `([A-Z_]+)` \| (?:`([^`]*)`|cores)? *\|/gm)];
    const listed = rows.map(([, name, value]) => [name, value ?? '']);
    const settings = listSettings().map(({ name, default: value }) => [
      name,
      name === 'WORKER_CONCURRENCY' ? '' : String(value ?? ''),
    ]);
    expect(listed).toEqual(settings);
  });
});
