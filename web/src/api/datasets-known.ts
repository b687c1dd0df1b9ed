import { signal } from '@preact/signals';
import type { Dataset } from '../../../src/client/types.ts';
import { descent } from './server.ts';

/** What the page knows of the datasets without asking for each. They are read when somebody first wants to know. */

/** By name; null for a name that was asked for and is none. */
const known = signal<ReadonlyMap<string, Dataset | null>>(new Map());
const wanted = new Set<string>();
let isReading = false;

/** undefined until it is known; null where there is none of that name. */
export function datasetOf(name: string): Dataset | null | undefined {
  const found = known.value.get(name);
  if (found === undefined) void read(name);
  return found;
}

/** Whether the rows of a dataset can be shown as pictures, and drawn for. */
export const hasPictures = (name: string): boolean => datasetOf(name)?.image != null;

/** All of them, one's own first. */
export function datasetNames(): string[] {
  if (known.value.size === 0) void read();
  return [...known.value.values()]
    .filter((dataset) => dataset !== null)
    .toSorted((a, b) => Number(a.built_in) - Number(b.built_in))
    .map(({ name }) => name);
}

/** Some have changed. */
export function forgetDatasets(): void {
  known.value = new Map();
}

/** Many names that are asked for at a time are one request. Where it fails they stay unknown until the next asks. */
async function read(name?: string): Promise<void> {
  if (name !== undefined) wanted.add(name);
  if (isReading) return;
  isReading = true;
  try {
    const all = await descent.installation.datasets();
    const none = [...wanted].map((each) => [each, null] as const);
    known.value = new Map([...none, ...all.map((dataset) => [dataset.name, dataset] as const)]);
  } catch {
    // Whoever asks for the dataset itself is told why.
  } finally {
    isReading = false;
  }
}
