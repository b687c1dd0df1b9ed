import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runKeys } from '../client/run-keys.ts';
import { Installation } from '../end-to-end/installation.ts';
import { codeBlocks } from '../support/code-blocks.ts';
import { runProgram } from '../support/run-program.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

/** The first python3 of the PATH. */
const hasPandas = spawnSync('python3', ['-c', 'import pandas, requests']).status === 0;

it.skipIf(!hasPandas)(
  "docs/python.md's parts are one program (needs python3 with pandas and requests)",
  async () => {
    const descent = await Installation.start();
    const { url } = await descent.startAnotherApi({ AUTH: 'keys' });
    const key = await runKeys(descent, 'create', '--name', 'python', '--owner', 'alice', '--role', 'writer');
    // One job a page, so that there is more than one page.
    const program = codeBlocks('docs/python.md', 'python').join('\n').replace('limit=1000', 'limit=1');
    const folder = await makeTemporaryFolder();
    writeFileSync(join(folder, 'page.py'), program);
    const env = { PATH: process.env.PATH, DESCENT_URL: url, DESCENT_API_KEY: key };
    const { code, stdout, stderr } = await runProgram('python3', ['page.py'], { cwd: folder, env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^adam succeeded 0\.[89]\d*$/m);
    expect(stdout).toMatch(/^3 {2,}0\.\d+ {2,}0\.\d+ {2,}0\.\d+$/m);
    expect(stdout).toMatch(/^best epoch: [123]$/m);
    expect(stdout).toMatch(/^adam-in-python {2,}0\.\d+$/m);
    expect(stdout).toMatch(/^optimizer\.type +rmsprop +adam$/m);
    expect(stdout).toMatch(/^job_\w+ +adam +0\.\d+ +0\.[89]\d*$/m);
    expect(stdout).toMatch(/^2 jobs$/m);
    expect(stdout).toMatch(/^0 +\d +0\.\d+$/m);
    expect(existsSync(join(folder, 'digits.onnx'))).toBe(true);

    const refused = await runProgram('python3', ['page.py'], {
      cwd: folder,
      env: { ...env, DESCENT_API_KEY: '' },
    });
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('unauthenticated: ') });
  },
);
