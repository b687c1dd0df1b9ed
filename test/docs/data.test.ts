import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { Installation } from '../end-to-end/installation.ts';
import { codeBlocks } from '../support/code-blocks.ts';
import { runProgram } from '../support/run-program.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

const FILES = resolve('test/dataset/reading/files');

/** Of vega-datasets, under short names. */
const COLUMNS = {
  species: 'Species',
  island: 'Island',
  bill_length: 'Beak Length (mm)',
  bill_depth: 'Beak Depth (mm)',
  flipper: 'Flipper Length (mm)',
  mass: 'Body Mass (g)',
  sex: 'Sex',
};

function penguins(names: readonly (keyof typeof COLUMNS)[], needed: string): string {
  const file = 'node_modules/vega-datasets/data/penguins.json';
  const rows = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>[];
  const lines = rows
    .filter((row) => row[needed] !== null)
    .map((row) => names.map((name) => row[COLUMNS[name]] ?? '').join(','));
  return [names.join(), ...lines, ''].join('\n');
}

it("docs/data.md's commands do what the page says", { timeout: 120_000 }, async () => {
  const descent = await Installation.start();
  const folder = await makeTemporaryFolder();
  const names = Object.keys(COLUMNS) as (keyof typeof COLUMNS)[];
  writeFileSync(join(folder, 'penguins.csv'), penguins(names, 'Species'));
  writeFileSync(
    join(folder, 'penguins-mass.csv'),
    penguins([...names.filter((name) => name !== 'mass'), 'mass'], 'Body Mass (g)'),
  );
  copyFileSync(`${FILES}/tables/zstd.parquet`, join(folder, 'penguins.parquet'));
  copyFileSync(`${FILES}/archives/keras.npz`, join(folder, 'digits.npz'));
  copyFileSync(`${FILES}/archives/folders.zip`, join(folder, 'pictures.zip'));
  copyFileSync(`${FILES}/archives/idx-gz.zip`, join(folder, 'mnist-like.zip'));
  const script = codeBlocks('docs/data.md', 'sh')
    .join('\necho\n')
    .replaceAll('curl ', 'curl --fail-with-body --silent --show-error ')
    .replaceAll('localhost:3000', descent.url.replace('http://', ''))
    .replaceAll('npx descent', `node ${resolve('dist/src/cli/main.js')}`);
  const env = { PATH: process.env.PATH, DESCENT_URL: descent.url };
  const { code, stdout, stderr } = await runProgram('bash', ['-euc', script], { cwd: folder, env });
  expect({ code, stderr, stdout }).toEqual({ code: 0, stderr: expect.any(String), stdout });
  const accuracy = Number(/succeeded: test accuracy (0\.\d+|1\.0+)/.exec(stdout)?.[1]);
  expect(accuracy).toBeGreaterThan(0.93);
  expect(stdout).toMatch(/"label":"(Chinstrap|Adelie|Gentoo)"/);
  expect(stdout).toMatch(/"classes":\["Biscoe","Dream","Torgersen"\].*"name":"try"/);
  expect(stdout).toMatch(/"name":"masses".*"task":"regression"/);
  const left = (await (await fetch(`${descent.url}/datasets`)).json()) as {
    data: { name: string; built_in: boolean }[];
  };
  expect(left.data.filter((dataset) => !dataset.built_in).map(({ name }) => name)).toEqual([
    'masses',
    'mnist-like',
    'penguins',
    'pictures',
  ]);
});
