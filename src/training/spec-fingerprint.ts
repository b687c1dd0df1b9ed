import { createHash } from 'node:crypto';
import { canonicalJson } from '../contract/canonical-json.ts';
import { lossOf } from '../contract/loss.ts';
import { RULES_VERSION } from '../engine/rules.ts';
import type { JobInput } from './job-engine.ts';

/**
 * SHA-256, in hex, of everything that decides the bits of an epoch: the data's content, model, optimizer, loss, training
 * and the version of the engine's rules. It leaves out what decides the number of epochs, since the state after epoch 3 is
 * the same whether the job trains 3 or 10, what is only told, and what is null, so that a new option leaves those of other jobs as they were.
 * A fork's includes the checkpoint that it began with. It includes the engine only for tensorflow, since all others give
 * the same bits.
 */
export function specFingerprint({ spec, data, parent }: JobInput): string {
  const { model, optimizer, training, engine } = spec;
  const { epochs: _epochs, early_stopping, log_every: _every, ...pass } = training;
  const deciding = {
    rules: RULES_VERSION,
    data: data.sha256,
    model,
    optimizer: withoutNull(optimizer),
    training: withoutNull(pass),
    ...(engine === 'tensorflow' && { engine }),
    // Data with classes have one loss, which the specs of older versions do not name.
    ...(data.task === 'regression' && { loss: lossOf(spec, data) }),
    // It decides which weights a checkpoint holds as the best.
    ...(early_stopping?.restore_best_weights === true && { early_stopping }),
    ...(parent !== undefined && { parent: { sha256: parent.checkpoint_sha256, epoch: parent.epoch } }),
  };
  return createHash('sha256').update(canonicalJson(deciding)).digest('hex');
}

const withoutNull = (options: object): object =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== null));
