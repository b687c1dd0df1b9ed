import { createHash } from 'node:crypto';
import { canonicalJson } from '../contract/canonical-json.ts';
import type { DataShape } from '../contract/data-shape.ts';
import type { DatasetTable } from '../contract/dataset.ts';
import type { Targets, Values } from '../engine/engine.ts';

/** All rows of a dataset in file order, in the form that engines take. */
export interface Content {
  readonly train: Rows;
  readonly test: Rows;
}

export interface Rows {
  /** (rows, inputs), in the storage of the shape. */
  readonly values: Values;
  /** (rows): indices into the classes, or numbers. */
  readonly targets: Targets;
}

/**
 * SHA-256, in hex, of everything a job can see of its data: a line of canonical JSON (the shape without its name and
 * hash; of an uploaded table also its columns and target), then the train targets, the test targets, the train values
 * and the test values, as they are in a file.
 */
export function contentSha256(
  { dataset: _name, sha256: _hash, ...seen }: DataShape,
  content: Content,
  table?: DatasetTable,
): string {
  const { train, test } = content;
  const line = table === undefined ? seen : { ...seen, table };
  const hash = createHash('sha256').update(`${canonicalJson(line)}\n`);
  for (const { targets } of [train, test]) hash.update(targetBytes(seen, targets));
  for (const { values } of [train, test]) hash.update(bytesOf(values));
  return hash.digest('hex');
}

/** Bytes of a target in a file: one for a class, if there are no more than 256, else two; four for a number. */
export function bytesPerTarget({ task, outputs }: Pick<DataShape, 'task' | 'outputs'>): 1 | 2 | 4 {
  if (task !== 'classification') return 4;
  return outputs <= 256 ? 1 : 2;
}

/** The targets as they are in a file. */
export function targetBytes(shape: Pick<DataShape, 'task' | 'outputs'>, targets: Targets): Uint8Array {
  return bytesPerTarget(shape) === 1 ? Uint8Array.from(targets) : bytesOf(targets);
}

/** The bytes of numbers: little-endian, as on every platform that the build supports. No copy. */
export function bytesOf({ buffer, byteOffset, byteLength }: Values | Targets): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
