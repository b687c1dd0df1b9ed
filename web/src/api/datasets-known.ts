import { signal } from '@preact/signals';
import type { Dataset } from '../../../src/client/types.ts';
import { descent } from './server.ts';

/** What the page knows of the datasets without asking for each. They are read when somebody first wants to know. */

const known = signal<ReadonlyMap<string, Dataset>>(new Map());
/** Names that were not there when the datasets were read. */
let missing = new Set<string>();
let isReading = false;

/** undefined until it is known, and where there is none of that name. */
export function datasetOf(name: string): Dataset | undefined {
  const found = known.value.get(name);
  if (found === undefined && !missing.has(name)) void read(name);
  return found;
}

/** Whether the rows of a dataset can be shown as pictures, and drawn for. */
export const hasPictures = (name: string): boolean => datasetOf(name)?.image != null;

/** All of them, one's own first. */
export function datasetNames(): string[] {
  if (known.value.size === 0) void read('');
  return [...known.value.values()]
    .toSorted((a, b) => Number(a.built_in) - Number(b.built_in))
    .map(({ name }) => name);
}

/** Some have changed. */
export function forgetDatasets(): void {
  missing = new Set();
  known.value = new Map();
}

/** A failure is the same as no dataset: whoever asks for the dataset itself is told why. */
async function read(wanted: string): Promise<void> {
  missing.add(wanted);
  if (isReading) return;
  isReading = true;
  try {
    const all = await descent.installation.datasets();
    known.value = new Map(all.map((dataset) => [dataset.name, dataset]));
  } catch {
    missing.delete(wanted);
  } finally {
    isReading = false;
  }
}
