import type { Dataset } from '../../../src/client/types.ts';

/** What a dataset is, in words. */

export const kindOf = ({ image, inputs }: Dataset): string =>
  image === null
    ? `${inputs} ${inputs === 1 ? 'input' : 'inputs'}`
    : `${image.channels === 1 ? 'grey' : 'coloured'} image, ${image.width} × ${image.height}`;

export const targetOf = ({ classes }: Dataset): string =>
  classes === null ? 'a number' : `${classes.length} classes`;

/** `Iris data.csv` -> iris-data; '' if nothing of it can be in a name. */
export const nameOfFile = (file: string): string =>
  file
    .replace(/(?<=.)\.[^.]*$/, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]+/g, '-')
    .replaceAll(/^[^a-z0-9]+|-+$/g, '')
    .slice(0, 64);

const FORMATS: Readonly<Record<string, string>> = {
  csv: 'csv',
  tsv: 'csv',
  txt: 'csv',
  npz: 'npz',
  parquet: 'parquet',
};

/** Bytes of the head of a ZIP archive's first file, before its name. */
const ZIP_HEAD = 30;

/** The format that a file seems to have. A ZIP archive may have two: IDX files are called so. */
export async function formatOfFile(file: File): Promise<string> {
  const known = FORMATS[file.name.toLowerCase().split('.').at(-1)!];
  if (known !== undefined) return known;
  const first = await file.slice(ZIP_HEAD, ZIP_HEAD + 200).text();
  return /ubyte|idx/i.test(first) ? 'idx' : 'images';
}
