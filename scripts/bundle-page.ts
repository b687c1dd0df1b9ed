import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { build } from 'rolldown';

/**
 * Builds the page from web/ into dist/web: index.html, and its files under names that contain their hash, so that
 * browsers may keep them for ever. Each also compressed, so that no request waits for it.
 */

const OUT = 'dist/web';
/** What all views share comes first. */
const STYLES = [
  'node_modules/uplot/dist/uPlot.min.css',
  'web/src/style.css',
  'web/src/charts/line-chart.css',
];
const VIEWS = 'web/src/views';

async function script(): Promise<string> {
  const { output } = await build({
    input: 'web/src/main.tsx',
    platform: 'browser',
    tsconfig: 'web/tsconfig.json',
    logLevel: 'warn',
    write: false,
    output: { format: 'esm', minify: true },
  });
  return output[0].code;
}

async function styles(): Promise<string> {
  const views = (await readdir(VIEWS)).filter((file) => file.endsWith('.css')).sort();
  const files = [...STYLES, ...views.map((file) => `${VIEWS}/${file}`)];
  return (await Promise.all(files.map((file) => readFile(file, 'utf8')))).join('\n');
}

const named = (name: string, content: string): string => {
  const hash = createHash('sha256').update(content).digest('hex').slice(0, 12);
  const extension = extname(name);
  return `${name.slice(0, -extension.length)}-${hash}${extension}`;
};

async function write(name: string, content: string): Promise<void> {
  const bytes = Buffer.from(content);
  const params = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
  await Promise.all([
    writeFile(`${OUT}/${name}`, bytes),
    writeFile(`${OUT}/${name}.br`, await promisify(brotliCompress)(bytes, { params })),
    writeFile(`${OUT}/${name}.gz`, await promisify(gzip)(bytes, { level: constants.Z_BEST_COMPRESSION })),
  ]);
}

await rm(OUT, { recursive: true, force: true });
await mkdir(`${OUT}/assets`, { recursive: true });
let page = await readFile('web/index.html', 'utf8');
const files = {
  'main.js': await script(),
  'style.css': await styles(),
  'icon.svg': await readFile('web/icon.svg', 'utf8'),
};
for (const [name, content] of Object.entries(files)) {
  const asset = `assets/${named(name, content)}`;
  page = page.replace(`assets/${name}`, asset);
  await write(asset, content);
}
await write('index.html', page);
