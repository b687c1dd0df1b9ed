import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import ts from 'typescript';
import { expect, it, onTestFinished } from 'vitest';
import { Installation } from '../end-to-end/installation.ts';
import { closedUrl } from '../support/closed-port.ts';
import { codeBlocks } from '../support/code-blocks.ts';
import { runProgram } from '../support/run-program.ts';
import { SECRET } from '../webhooks/receiver.ts';

const hasPython = spawnSync('python3', ['--version']).status === 0;

const RECEIVERS = [
  ['ts', 'node', 'receiver.mjs', true],
  ['python', 'python3', 'receiver.py', hasPython],
] as const;

for (const [language, program, file, isThere] of RECEIVERS) {
  it.skipIf(!isThere)(
    `docs/webhooks.md's commands reach its receiver in ${language}`,
    { timeout: 120_000 },
    async () => {
      const descent = await Installation.start({
        env: { WEBHOOK_SECRET: SECRET, WEBHOOK_ALLOW_PRIVATE: '1' },
      });
      // Within the repository, where the receiver finds its package; a fresh clone has no such folder.
      mkdirSync('reports', { recursive: true });
      const folder = mkdtempSync(resolve('reports/webhooks-'));
      onTestFinished(() => rmSync(folder, { recursive: true }));
      const port = await freePort();
      const [code] = codeBlocks('docs/webhooks.md', language);
      const source = code!.replace('8000', String(port));
      // Node 20 does not strip types.
      writeFileSync(join(folder, file), language === 'ts' ? javaScriptOf(source) : source);
      const receiver = spawn(program, [file], {
        cwd: folder,
        env: { PATH: process.env.PATH, WEBHOOK_SECRET: SECRET },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      onTestFinished(() => void receiver.kill());
      const lines = createInterface({ input: receiver.stdout })[Symbol.asyncIterator]();
      const next = async (): Promise<string> => (await lines.next()).value;
      await expect.poll(() => answers(port), { timeout: 30_000 }).toBe(true);

      const env = { PATH: process.env.PATH, DESCENT_URL: descent.url };
      const run = async (script: string) => {
        const text = script
          .replaceAll('curl ', 'curl --fail-with-body --silent --show-error ')
          .replaceAll('localhost:3000', descent.url.replace('http://', ''))
          .replaceAll('localhost:8000', `localhost:${port}`)
          .replaceAll('npx descent', `node ${resolve('dist/src/cli/main.js')}`);
        const { code, stdout, stderr } = await runProgram('bash', ['-euc', text], { cwd: folder, env });
        expect({ code, stdout, stderr }).toEqual({ code: 0, stdout, stderr });
        return stdout;
      };
      const [create, again] = codeBlocks('docs/webhooks.md', 'sh');
      const [first, second] = [...(await run(create!)).matchAll(/job_[0-9A-Z]{26}/g)]
        .map(([id]) => id)
        .filter((id, i, ids) => ids.indexOf(id) === i);
      const told = [await next(), await next(), await next()];
      const expected = [`job.running ${first}`, `job.succeeded ${first}`, `job.succeeded ${second}`];
      expect(told.sort()).toEqual(expected.sort());
      await descent.toEnd(second!);
      expect(JSON.parse(await run(again!))).toMatchObject({ object: 'delivery', event: 'job.succeeded' });
    },
  );
}

const javaScriptOf = (source: string): string =>
  ts.transpileModule(source, {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
  }).outputText;

/** An answer to what is not genuine is a refusal. */
async function answers(port: number): Promise<boolean> {
  const init = {
    method: 'POST',
    body: '{}',
    headers: { 'webhook-id': 'x', 'webhook-timestamp': '1', 'webhook-signature': 'v1,x' },
  };
  const response = await fetch(`http://127.0.0.1:${port}/`, init).catch(() => undefined);
  return response?.status === 401;
}

const freePort = async (): Promise<number> => Number(new URL(await closedUrl()).port);
