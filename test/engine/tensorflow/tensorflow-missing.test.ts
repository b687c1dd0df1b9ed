import { execFile } from 'node:child_process';
import { copyFile, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { FoundTensorFlow } from '../../../src/engine/tensorflow/tensorflow-module.ts';
import { makeTemporaryFolder } from '../../support/temporary-folder.ts';

/** Runs the compiled module next to a choice of packages, to see its results in other installations. */

const PACKAGES = ['tfjs-core', 'tfjs-layers', 'tfjs-backend-wasm'];

interface Installed {
  /** Packages linked from this installation. */
  packages: string[];
  /** The code of a fake tfjs-node. */
  node?: string;
}

/** The results of findTensorFlow() and loadTensorFlow() there, without the loaded module. */
async function foundAndLoaded({ packages, node }: Installed): Promise<(FoundTensorFlow | string)[]> {
  const folder = await makeTemporaryFolder();
  const scope = join(folder, 'node_modules/@tensorflow');
  await mkdir(join(scope, 'tfjs-node'), { recursive: true });
  for (const name of packages) await symlink(resolve('node_modules/@tensorflow', name), join(scope, name));
  if (node !== undefined) {
    await writeFile(join(scope, 'tfjs-node/package.json'), '{ "version": "4.22.0", "main": "index.js" }');
    await writeFile(join(scope, 'tfjs-node/index.js'), node);
  }
  const module = join(folder, 'tensorflow-module.mjs');
  await copyFile('dist/src/engine/tensorflow/tensorflow-module.js', module);
  const script = `
    import { findTensorFlow, loadTensorFlow } from ${JSON.stringify(module)};
    const found = await findTensorFlow();
    const loaded = ${node?.includes('kill')} ? found : await loadTensorFlow();
    console.log(JSON.stringify([found, loaded], (key, value) => (key === 'tensorflow' ? undefined : value)));
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as (FoundTensorFlow | string)[];
}

describe('without tfjs-node', () => {
  it('uses the WASM backend, and gives the reason', async () => {
    const [found, loaded] = await foundAndLoaded({ packages: PACKAGES });
    expect(found).toEqual({
      version: '4.22.0',
      backend: expect.stringContaining('WASM'),
      reason: '@tensorflow/tfjs-node is not installed',
    });
    expect(loaded).toEqual(found);
  });

  it.each(PACKAGES)('and without %s, finds nothing and says what to install', async (missing) => {
    const [found, loaded] = await foundAndLoaded({ packages: PACKAGES.filter((name) => name !== missing) });
    expect(found).toContain(`@tensorflow/tfjs-node is not installed, and @tensorflow/${missing} is missing`);
    expect(found).toContain('npm install @tensorflow/tfjs-node@4.22.0');
    expect(loaded).toBe(found);
  });
});

describe('with a tfjs-node', () => {
  it('that does not load, uses the WASM backend and gives the error of the loader as the reason', async () => {
    const node = 'throw new Error("libtensorflow.so.2: cannot open shared object file\\nand more")';
    const [found, loaded] = await foundAndLoaded({ packages: PACKAGES, node });
    const message =
      'isNullOrUndefined' in (await import('node:util'))
        ? 'does not load: libtensorflow.so.2: cannot open shared object file'
        : 'needs Node 22 or older: it calls util.isNullOrUndefined';
    expect(found).toMatchObject({ reason: expect.stringContaining(`tfjs-node 4.22.0 ${message}`) });
    expect(loaded).toEqual(found);
  });

  it.runIf(Number(process.versions.node.split('.')[0]) < 23)(
    'that crashes its process, reports the crash and survives',
    async () => {
      const [found] = await foundAndLoaded({ packages: [], node: 'process.kill(process.pid, "SIGILL")' });
      expect(found).toContain('does not load: the process that tried to load it ended with SIGILL, and');
      expect(found).toContain(
        'tfjs-core, @tensorflow/tfjs-layers, @tensorflow/tfjs-backend-wasm are missing',
      );
    },
  );
});
