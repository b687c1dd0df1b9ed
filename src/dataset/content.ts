import { createHash } from 'node:crypto';
import { canonicalJson } from '../contract/canonical-json.ts';
import type { DataShape } from '../contract/data-shape.ts';

/** All rows of a dataset in file order, in the form that engines take. */
export interface Content {
  readonly train: Rows;
  readonly test: Rows;
}

export interface Rows {
  /** (rows, inputs), one byte per value. */
  readonly values: Uint8Array;
  /** (rows): indices into the classes. */
  readonly labels: Uint8Array;
}

/**
 * SHA-256, in hex, of everything a job can see of its data: a line of canonical JSON (the shape without its name and
 * hash), then the train labels, the test labels, the train values and the test values.
 */
export function contentSha256(
  { dataset: _name, sha256: _hash, ...seen }: DataShape,
  content: Content,
): string {
  const { train, test } = content;
  const hash = createHash('sha256').update(`${canonicalJson(seen)}\n`);
  for (const part of [train.labels, test.labels, train.values, test.values]) hash.update(part);
  return hash.digest('hex');
}
