import { createReadStream, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { DatasetDetailSchema } from '../src/contract/dataset.ts';
import { machine, RunningDescent } from './running-descent.ts';
import { readImages, writeArrays, writePictures, writeTable } from './upload-files.ts';

/** How long an upload takes, and the memory of the API and of the process that reads it. Each to a fresh `npm start`. */
const HELP = `npm run bench:uploads -- [--only NAME,NAME] [--megabytes N] [--pictures N]
  --only        some of csv, npz, images
  --megabytes   of the CSV file (500)
  --pictures    PNG files in the archive (10000)
Files are made in the folder for temporary files, and removed.`;

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: 'csv,npz,images' },
    megabytes: { type: 'string', default: '500' },
    pictures: { type: 'string', default: '10000' },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  console.log(HELP);
  process.exit(0);
}
const [MEGABYTES, PICTURES] = [Number(options.megabytes), Number(options.pictures)];

/** Between two looks at the memory. A process tells its own peak, so only what it takes after the last look is missed. */
const LOOK_MS = 100;

const folder = mkdtempSync(join(tmpdir(), 'descent-uploads-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

const FILES: Record<string, (path: string) => string> = {
  csv: (path) => `table of ${writeTable(path, MEGABYTES).toLocaleString('en')} rows, 38 columns`,
  npz: (path) => {
    const images = readImages();
    writeArrays(path, images);
    return `${images.name} as arrays`;
  },
  images: (path) => {
    const images = readImages();
    writePictures(path, images, PICTURES);
    return `${PICTURES.toLocaleString('en')} PNG files of ${images.name}`;
  },
};

/** The answer, with the seconds until the last byte was sent and until the answer. */
async function put(url: string, path: string): Promise<{ text: string; sent: number; all: number }> {
  const startedMs = performance.now();
  const seconds = () => (performance.now() - startedMs) / 1000;
  const sending = request(url, { method: 'PUT', headers: { 'content-length': statSync(path).size } });
  const answer = new Promise<string>((resolve, reject) => {
    sending.once('error', reject).once('response', (response) => {
      let text = '';
      response
        .setEncoding('utf8')
        .on('data', (part: string) => {
          text += part;
        })
        .once('error', reject)
        .once('end', () => {
          if (response.statusCode === 201) resolve(text);
          else reject(new Error(text));
        });
    });
  });
  await pipeline(createReadStream(path, { highWaterMark: 2 ** 18 }), sending);
  const sent = seconds();
  return { text: await answer, sent, all: seconds() };
}

/** What the process that reads an upload has taken. It ends before the answer, so it is looked at while it runs. */
class ReaderFigures {
  peakMb = 0;
  processorSeconds = 0;
  readonly #timer: NodeJS.Timeout;
  #pid: number | undefined;

  constructor(descent: RunningDescent) {
    this.#timer = setInterval(() => {
      this.#pid ??= descent.memory().find(({ what }) => what === 'reading/main')?.pid;
      if (this.#pid !== undefined) this.#look(this.#pid);
    }, LOOK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(pid: number): void {
    const read = (file: string): string => {
      try {
        return readFileSync(`/proc/${pid}/${file}`, 'utf8');
      } catch {
        return '';
      }
    };
    // A process that has ended has no such line.
    const peakKb = /VmHWM:\s+(\d+)/.exec(read('status'))?.[1];
    if (peakKb !== undefined) this.peakMb = Math.round(Number(peakKb) / 1024);
    // User and system time, in hundredths of a second, behind the program's name.
    const ticks = read('stat').split(') ')[1]?.split(' ').slice(11, 13).map(Number);
    if (ticks !== undefined) this.processorSeconds = (ticks[0]! + ticks[1]!) / 100;
  }
}

async function measure(format: string): Promise<string> {
  const path = join(folder, format);
  const what = FILES[format]!(path);
  const descent = await RunningDescent.start({ MAX_DATASET_MB: String(Math.max(512, MEGABYTES)) });
  const peakOf = (name: string): number => descent.memory().find((each) => each.what === name)?.peakMb ?? 0;
  const before = peakOf('src/server');
  const reader = new ReaderFigures(descent);
  try {
    const { text, sent, all } = await put(`${descent.url}/datasets/measured?format=${format}`, path);
    const megabytes = statSync(path).size / 1e6;
    const { bytes } = DatasetDetailSchema.parse(JSON.parse(text));
    const cells = [
      `${format}: ${what}`,
      megabytes.toFixed(0),
      all.toFixed(1),
      sent.toFixed(1),
      (megabytes / all).toFixed(0),
      `${before} -> ${peakOf('src/server')}`,
      String(reader.peakMb),
      reader.processorSeconds.toFixed(1),
      (bytes / 1e6).toFixed(0),
    ];
    return `| ${cells.join(' | ')} |`;
  } finally {
    reader.stop();
    await descent.stop();
    rmSync(path);
  }
}

const wanted = options.only.split(',');
for (const name of wanted) if (!(name in FILES)) throw new Error(`${name}: --only takes csv, npz, images`);
console.log(`${machine()}; load ${loadavg()[0]!.toFixed(1)} at the start\n`);
console.log(
  '| file | MB | s | of which sent | MB/s | API, peak MiB | reader, peak MiB | its processor, s | rows, MB |',
);
console.log('|---|---|---|---|---|---|---|---|---|');
for (const format of wanted) console.log(await measure(format));
console.log(`\nload ${loadavg()[0]!.toFixed(1)} at the end`);
