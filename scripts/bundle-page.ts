import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants } from 'node:zlib';
import { gzipAsync } from '@gfx/zopfli';
import { transform } from 'lightningcss';
import { build } from 'rolldown';
import { trimUplot } from './trim-uplot.ts';

/**
 * Builds the page from web/ into dist/web: index.html, and its files under names that contain their hash, so that
 * browsers may keep them for ever. Each also compressed, so that no request waits for it.
 */

const OUT = 'dist/web';
/** What all views share comes first. */
const STYLES = [
  'node_modules/uplot/dist/uPlot.min.css',
  'web/src/style/tokens.css',
  'web/src/style/elements.css',
  'web/src/style/parts.css',
  'web/src/charts/line-chart.css',
];
const VIEWS = 'web/src/views';

interface Scripts {
  main: string;
  /** What main imports before it runs. */
  first: readonly string[];
  /** All code, by file: also that of views, which is loaded when they are first looked at. */
  code: Record<string, string>;
}

async function scripts(): Promise<Scripts> {
  const { output } = await build({
    input: 'web/src/main.tsx',
    platform: 'browser',
    tsconfig: 'web/tsconfig.json',
    logLevel: 'warn',
    write: false,
    plugins: [trimUplot],
    // Calls without a name for the children are shorter than those of jsx-runtime, and need no jsx-runtime.
    transform: {
      jsx: { runtime: 'classic', pragma: 'createElement', pragmaFrag: 'Fragment' },
      inject: { createElement: ['preact', 'createElement'], Fragment: ['preact', 'Fragment'] },
    },
    output: {
      format: 'esm',
      minify: true,
      comments: { legal: true, annotation: false, jsdoc: false },
      entryFileNames: 'main-[hash:12].js',
      chunkFileNames: 'part-[hash:12].js',
      hashCharacters: 'hex',
    },
  });
  const chunks = output.filter((file) => file.type === 'chunk');
  const { fileName: main, imports: first } = chunks.find(({ isEntry }) => isEntry)!;
  return {
    main,
    first,
    code: Object.fromEntries(chunks.map(({ fileName, code }) => [fileName, code])),
  };
}

async function styles(): Promise<string> {
  const views = (await readdir(VIEWS)).filter((file) => file.endsWith('.css')).sort();
  const files = [...STYLES, ...views.map((file) => `${VIEWS}/${file}`)];
  const all = await Promise.all(files.map((file) => readFile(file)));
  return transform({ filename: 'style.css', code: Buffer.concat(all), minify: true }).code.toString();
}

const named = (name: string, content: string): string => {
  const hash = createHash('sha256').update(content).digest('hex').slice(0, 12);
  const extension = extname(name);
  return `${name.slice(0, -extension.length)}-${hash}${extension}`;
};

/** @returns its size with gzip, in bytes */
async function write(name: string, content: string): Promise<number> {
  const bytes = Buffer.from(content);
  const params = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
  // A second more at build, and 3 % less at each visit than gzip -9.
  const zipped = await gzipAsync(bytes, {});
  await Promise.all([
    writeFile(`${OUT}/${name}`, bytes),
    writeFile(`${OUT}/${name}.br`, await promisify(brotliCompress)(bytes, { params })),
    writeFile(`${OUT}/${name}.gz`, zipped),
  ]);
  return zipped.length;
}

await rm(OUT, { recursive: true, force: true });
await mkdir(`${OUT}/assets`, { recursive: true });
let page = await readFile('web/index.html', 'utf8');
const { main, first, code } = await scripts();
const [style, icon] = [await styles(), await readFile('web/icon.svg', 'utf8')];
const assets = {
  'main.js': main,
  'style.css': named('style.css', style),
  'icon.svg': named('icon.svg', icon),
};
for (const [name, file] of Object.entries(assets)) page = page.replace(`assets/${name}`, `assets/${file}`);
const preloads = first.map((file) => `<link rel="modulepreload" href="assets/${file}" />\n    `);
page = page.replace('<script', `${preloads.join('')}<script`);

const shown = { ...code, [assets['style.css']]: style, [assets['icon.svg']]: icon };
const atFirst = [...first, ...Object.values(assets)];
const total = { first: await write('index.html', page), later: 0 };
for (const [file, content] of Object.entries(shown)) {
  total[atFirst.includes(file) ? 'first' : 'later'] += await write(`assets/${file}`, content);
}
console.log(`The page, with gzip: ${total.first} bytes, and ${total.later} of views that are loaded later`);
