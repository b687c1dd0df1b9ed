import { readFileSync } from 'node:fs';
import type { JobSpec } from '../client/descent.ts';
import { type NameOf, UsageError } from './failure.ts';
import type { SpecFields } from './spec-fields.ts';

/** Options with names of their own, for what is set most often; each stands for a field of the spec. */
const FIELD_OF = {
  name: 'name',
  dataset: 'dataset',
  hiddenUnits: 'model.hidden_units',
  optimizer: 'optimizer.type',
  learningRate: 'optimizer.learning_rate',
  loss: 'loss',
  epochs: 'training.epochs',
  batchSize: 'training.batch_size',
  seed: 'training.seed',
  engine: 'engine',
  priority: 'priority',
} as const;

/** What `train` and `fork` take besides a file. */
export interface SpecOptions extends Partial<Record<keyof typeof FIELD_OF, string>> {
  webhook?: string[];
  /** false: train in any case. */
  cache?: boolean;
  /** Any field, as path=value. */
  set?: string[];
}

/** A spec as a person wrote it: the server alone knows what is allowed. */
type Loose = Record<string, unknown>;

/** A value that an option gives to a field. */
interface Assignment {
  /** The option as it was written, without its value. */
  option: string;
  path: string;
  text: string;
}

export interface WrittenSpec {
  spec: JobSpec;
  /** The option, or for what is in a file the pointer itself. */
  nameOf: NameOf;
}

/**
 * The spec of a file (`-` is standard input), overridden by options. `--set` overrides those with names of their own.
 * @param fieldsOf called only if there are options
 * @throws {UsageError}
 */
export async function readSpec(
  file: string | undefined,
  options: SpecOptions,
  fieldsOf: () => Promise<SpecFields>,
): Promise<WrittenSpec> {
  const written = file === undefined ? {} : readObject(file);
  const assignments = assignmentsOf(options);
  if (assignments.length === 0) return { spec: written as JobSpec, nameOf: (pointer) => pointer };
  return applied(written, assignments, await fieldsOf(), file !== undefined);
}

/** @throws {UsageError} */
function assignmentsOf({ webhook, cache, set = [], ...options }: SpecOptions): Assignment[] {
  const named = Object.entries(options).map(([key, text]): Assignment => {
    const path = FIELD_OF[key as keyof typeof FIELD_OF];
    return { option: optionOf(path), path, text };
  });
  if (webhook !== undefined) {
    const text = JSON.stringify(webhook.map((url) => ({ url })));
    named.push({ option: '--webhook', path: 'webhooks', text });
  }
  if (cache === false) named.push({ option: '--no-cache', path: 'cache', text: 'false' });
  return [...named, ...set.map(assignmentOf)];
}

/** @throws {UsageError} */
function assignmentOf(pair: string): Assignment {
  const [, path, text] = /^([^=]+)=(.*)$/s.exec(pair) ?? [];
  if (path !== undefined) return { option: `--set ${path}`, path, text: text! };
  throw new UsageError(
    `--set ${JSON.stringify(pair)} is not allowed: use path=value, such as training.early_stopping.patience=3. (A file comes before --set; descent fields lists the paths.)`,
  );
}

const optionOf = (path: string): string => {
  const [key] = Object.entries(FIELD_OF).find(([, field]) => field === path) ?? [];
  return key === undefined
    ? `--set ${path}`
    : `--${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
};

function applied(
  written: Loose,
  assignments: readonly Assignment[],
  fields: SpecFields,
  hasFile: boolean,
): WrittenSpec {
  const given = assignments
    .map(({ path, ...assignment }) => ({ ...assignment, keys: fields.keysOf(path) }))
    .map((assignment) => ({ ...assignment, isType: fields.isType(assignment.keys) }))
    // What is in something comes after it, and a type before what it allows.
    .sort((a, b) => a.keys.length - b.keys.length || Number(b.isType) - Number(a.isType));
  const spec = given.reduce<unknown>(
    (whole, { keys, text, isType }) =>
      isType
        ? changed(whole, keys.slice(0, -1), (value) => ofType(text, value))
        : changed(whole, keys, () => fields.valueOf(keys, text)),
    written,
  );
  const nameOf = (pointer: string): string => {
    const place = keysIn(pointer);
    const setting = given.findLast(({ keys }) => isWithin(place, keys));
    if (setting !== undefined) return setting.option;
    const isMine = !hasFile || given.some(({ keys }) => isWithin(keys, place));
    return isMine && pointer !== '' ? optionOf(place.join('.')) : pointer;
  };
  return { spec: spec as JobSpec, nameOf };
}

/** The value with what is at these keys changed. */
function changed(
  value: unknown,
  [key, ...rest]: readonly string[],
  change: (old: unknown) => unknown,
): unknown {
  if (key === undefined) return change(value);
  const object = isPlain(value) ? value : {};
  const old = Object.hasOwn(object, key) ? object[key] : undefined;
  return { ...object, [key]: changed(old, rest, change) };
}

/** Another type takes none of the fields that were there. */
const ofType = (type: string, value: unknown): unknown =>
  isPlain(value) && value.type === type ? value : { type };

const isWithin = (keys: readonly string[], others: readonly string[]): boolean =>
  others.every((key, i) => keys[i] === key);

/** The keys of a JSON Pointer (RFC 6901). */
const keysIn = (pointer: string): string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));

const isPlain = (value: unknown): value is Loose =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function readObject(file: string): Loose {
  const text = readText(file);
  try {
    const value = JSON.parse(text) as unknown;
    if (isPlain(value)) return value;
  } catch (error) {
    throw new UsageError(`${file} is not JSON: ${(error as Error).message}`);
  }
  throw new UsageError(`${file} has no JSON object. A spec is one, such as {"training": {"epochs": 3}}.`);
}

function readText(file: string): string {
  try {
    return readFileSync(file === '-' ? process.stdin.fd : file, 'utf8');
  } catch (error) {
    throw new UsageError(`The spec cannot be read: ${(error as Error).message}.`);
  }
}

/** @throws {UsageError} */
export function numberOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value)) return value;
  throw new UsageError(`${option} ${JSON.stringify(text)} is not allowed: use a number.`);
}
