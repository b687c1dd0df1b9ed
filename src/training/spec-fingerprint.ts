import { createHash } from 'node:crypto';
import { canonicalJson } from '../contract/canonical-json.ts';
import { RULES_VERSION } from '../engine/rules.ts';
import type { JobInput } from './job-engine.ts';

/**
 * SHA-256, in hex, of what decides the bits of an epoch: the data's content, model, optimizer, training and the
 * version of the engine's rules. Not the number of epochs: the state after epoch 3 is the same whether 3 or 10 were
 * asked for. Not the engine either, as long as engines give the same bits; tensorflow's are its own.
 */
export function specFingerprint({ spec, data }: JobInput): string {
  const { model, optimizer, training, engine } = spec;
  const { epochs: _, ...pass } = training;
  const deciding = {
    rules: RULES_VERSION,
    data: data.sha256,
    model,
    optimizer,
    training: pass,
    ...(engine === 'tensorflow' && { engine }),
  };
  return createHash('sha256').update(canonicalJson(deciding)).digest('hex');
}
