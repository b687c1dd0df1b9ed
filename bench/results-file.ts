import { readFileSync, writeFileSync } from 'node:fs';

/** bench/RESULTS.md: what `npm run bench` writes, then what `npm run bench:service` writes. */

const FILE = 'bench/RESULTS.md';
const SERVICE = '\n## Service\n';

function read(): { training: string; service: string } {
  const [training = '', service = ''] = readFileSync(FILE, 'utf8').split(SERVICE);
  return { training, service };
}

export function writeTraining(training: string): void {
  writeFileSync(FILE, training + SERVICE + read().service);
}

/** Replaces the section of this title, or adds it. */
export function writeService(title: string, text: string): void {
  const { training, service } = read();
  const sections = service.split(/^(?=### )/m).filter((section) => !section.startsWith(`### ${title}\n`));
  const all = [...sections.map((section) => section.trim()), `### ${title}\n\n${text}`].join('\n\n');
  writeFileSync(FILE, `${training}${SERVICE}\n${all.trim()}\n`);
}
