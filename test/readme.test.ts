import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { JobSpecSchema } from '../src/contract/job-spec.ts';
import { listSettings } from '../src/process/config.ts';
import { Installation } from './end-to-end/installation.ts';
import { codeBlocks } from './support/code-blocks.ts';
import { makeTemporaryFolder } from './support/temporary-folder.ts';

const README = readFileSync('README.md', 'utf8');

const blocks = (language: string): string[] => codeBlocks('README.md', language);

const run = promisify(execFile);

/** Runs README's own text against a running installation. */
async function execute(command: string, file: string, code: string, descent: Installation): Promise<string> {
  const folder = await makeProject();
  const path = join(folder, file);
  writeFileSync(path, code.replaceAll(/(?:http:\/\/)?localhost:3000/g, descent.url));
  const compiled = file.endsWith('.mts') ? compile(path) : path;
  const env = { ...process.env, DESCENT_URL: descent.url };
  const { stdout } = await run(command, [compiled], { cwd: folder, env });
  return stdout;
}

/** A folder with what `npm install <this folder>` leaves in it. */
async function makeProject(): Promise<string> {
  const folder = await makeTemporaryFolder();
  mkdirSync(join(folder, 'node_modules/.bin'), { recursive: true });
  symlinkSync(process.cwd(), join(folder, 'node_modules/descent'));
  const { bin } = JSON.parse(readFileSync('package.json', 'utf8')) as { bin: { descent: string } };
  const start = `#!/bin/sh\nexec ${process.execPath} ${join(process.cwd(), bin.descent)} "$@"\n`;
  writeFileSync(join(folder, 'node_modules/.bin/descent'), start, { mode: 0o755 });
  return folder;
}

/** Checks the types, too, with those that the package gives to others. */
function compile(path: string): string {
  const program = ts.createProgram([path], {
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    strict: true,
    lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'],
    types: [],
  });
  const messages = ts
    .getPreEmitDiagnostics(program)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '));
  expect(messages).toEqual([]);
  program.emit();
  return path.replace(/\.mts$/, '.mjs');
}

describe("README's examples, run as they stand", () => {
  it('curl', async () => {
    const descent = await Installation.start();
    const curls = blocks('sh').filter((code) => code.includes('curl') && !code.includes('npm run keys'));
    expect(curls).toHaveLength(13);
    const output = await execute('sh', 'example.sh', `set -e\n${curls.join('')}`, descent);
    expect(output).toContain('event: job.epoch');
    expect(output).toContain('event: job.succeeded');
    const [, documented] = /`weights_sha256` of `\{\}` \| `([0-9a-f]{64})`/.exec(README)!;
    expect(output).toContain(`"weights_sha256":"${documented}"`);
    expect(output).toMatch(/^"duration_seconds":\d/m);
    expect(output).toMatch(/^{"object":"job_plan",.*"steps":45000,/m);
    expect(output).toMatch(/^ *437544$/m);
    expect(output).toMatch(/"label":"\d","class":\d/);
    expect(output).toMatch(/"test":\{"loss":0\.00\d+,"accuracy":null,"mae":0\.04\d+\}$/m);
    expect(output.match(/"optimizer_state":"kept"/g)).toHaveLength(2);
    expect(output).toContain('"cached":true');
    expect(output).toMatch(/^verified: job_\w+ has the weights [0-9a-f]{64}, and so has job_\w+$/m);
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
    const output = await execute(process.execPath, 'example.mts', code!, descent);
    expect(output).toMatch(/^epoch 3: loss 0\.\d+$/m);
    expect(output).toMatch(/^succeeded 0\.[89]\d*$/m);
  });

  it('the command', async () => {
    const descent = await Installation.start();
    const [code] = blocks('sh').filter((block) => block.includes('npx descent'));
    const output = await execute('sh', 'example.sh', `set -e\n${code}test -s digits.onnx\n`, descent);
    expect(output).toMatch(/^succeeded: test accuracy 0\.9/m);
    expect(output).toMatch(/^digits\.onnx \(\d+ bytes\)$/m);
    expect(output).toMatch(/^training\.seed +7 +8$/m);
    expect(output).toMatch(/^\d {2}0\.\d{4}$/m);
    expect(output.match(/^job_\w+ +succeeded/gm)).toHaveLength(3);
  });
});

describe("README's facts", () => {
  it('it prints the spec that {} stands for', () => {
    expect(JSON.parse(blocks('json')[0])).toEqual({
      ...JobSpecSchema.parse({}),
      loss: 'categorical_crossentropy',
    });
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
