import { createHash } from 'node:crypto';
import type { JobSpec } from '../contract/job-spec.ts';
import { RULES_VERSION } from '../engine/engine.ts';

/**
 * SHA-256, in hex, of what decides the bits of an epoch: dataset, model, optimizer, training and the version
 * of the engine's rules. Not the number of epochs: the state after epoch 3 is the same whether 3 or 10 were
 * asked for. Not the engine either, as long as engines give the same bits; tensorflow's are its own.
 */
export function specFingerprint({ dataset, model, optimizer, training, engine }: JobSpec): string {
  const { epochs: _, ...pass } = training;
  const deciding = {
    rules: RULES_VERSION,
    dataset,
    model,
    optimizer,
    training: pass,
    ...(engine === 'tensorflow' && { engine }),
  };
  return createHash('sha256').update(JSON.stringify(deciding, sortKeys)).digest('hex');
}

/** For JSON.stringify: objects with their keys in order, so that equal specs give equal text. */
function sortKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
