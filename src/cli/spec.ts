import { readFileSync } from 'node:fs';
import type { JobSpec } from '../client/descent.ts';
import { UsageError } from './failure.ts';

/** What `train` takes besides a file; each option stands for a field of the spec. */
export interface SpecOptions {
  name?: string;
  dataset?: string;
  hiddenUnits?: string;
  optimizer?: string;
  learningRate?: string;
  loss?: string;
  epochs?: string;
  batchSize?: string;
  seed?: string;
  engine?: string;
  priority?: string;
  webhook?: string[];
  /** false: train in any case. */
  cache?: boolean;
}

/** A spec as a person wrote it: the server alone knows what is allowed. */
type Loose = Record<string, unknown>;

/**
 * The spec of a file (`-` is standard input), overridden by options.
 * @throws {UsageError}
 */
export function readSpec(file: string | undefined, options: SpecOptions): JobSpec {
  const spec = file === undefined ? {} : readObject(file);
  const { name, dataset, engine, hiddenUnits, optimizer, learningRate, loss, webhook } = options;
  const training = given({
    epochs: numberOf('--epochs', options.epochs),
    batch_size: numberOf('--batch-size', options.batchSize),
    seed: numberOf('--seed', options.seed),
  });
  const model = given({
    hidden_units: hiddenUnits
      ?.split(',')
      .filter((text) => text !== '')
      .map((text) => numberOf('--hidden-units', text)),
  });
  return {
    ...spec,
    ...given({ name, dataset, engine, loss, priority: numberOf('--priority', options.priority) }),
    ...given({ webhooks: webhook?.map((url) => ({ url })) }),
    ...(options.cache === false && { cache: false }),
    ...merged('training', spec, training),
    ...merged('model', spec, model),
    ...optimizerOf(spec, optimizer, numberOf('--learning-rate', learningRate)),
  } as JobSpec;
}

function readObject(file: string): Loose {
  const text = readText(file);
  try {
    const value = JSON.parse(text) as unknown;
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Loose;
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

function merged(field: string, spec: Loose, values: Loose): Loose {
  if (Object.keys(values).length === 0) return {};
  return { [field]: { ...(spec[field] as Loose | undefined), ...values } };
}

/** Another type than the file's takes none of its options. */
function optimizerOf(spec: Loose, type: string | undefined, rate: number | undefined): Loose {
  if (type === undefined && rate === undefined) return {};
  const known = spec.optimizer as Loose | undefined;
  if (type === undefined && known === undefined) {
    throw new UsageError('--learning-rate needs an optimizer to set it for: add --optimizer, such as adam.');
  }
  const kept = type === undefined || known?.type === type ? known : { type };
  return { optimizer: { ...kept, ...given({ learning_rate: rate }) } };
}

/** @throws {UsageError} */
export function numberOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value)) return value;
  throw new UsageError(`${option} ${JSON.stringify(text)} is not allowed: use a number.`);
}

const given = (values: Loose): Loose =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
