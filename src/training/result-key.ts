import { createHash } from 'node:crypto';
import { canonicalJson } from '../contract/canonical-json.ts';
import type { JobSpec } from '../contract/job-spec.ts';
import { RULES_VERSION } from '../engine/rules.ts';
import type { JobInput } from './job-engine.ts';

/** Whether a field decides what a job comes to: its result, or the files that it keeps. */
export const DECIDES: Readonly<Record<keyof JobSpec, boolean>> = {
  // As part of the shape of its data.
  dataset: true,
  model: true,
  optimizer: true,
  loss: true,
  training: true,
  checkpoints: true,
  // All but tensorflow give the same bits.
  engine: false,
  name: false,
  metadata: false,
  limits: false,
  priority: false,
  cache: false,
};

/**
 * What decides a job's result, in 43 characters of its SHA-256 (base64url) after the version of the engines' rules: of two
 * jobs with the same key, one may have the result of the other. It has no colon.
 */
export function resultKey({ spec, data, parent }: JobInput): string {
  const deciding = {
    spec: Object.fromEntries(Object.entries(spec).filter(([name]) => DECIDES[name as keyof JobSpec])),
    data,
    ...(spec.engine === 'tensorflow' && { engine: spec.engine }),
    ...(parent !== undefined && { parent: { sha256: parent.checkpoint_sha256, epoch: parent.epoch } }),
  };
  return `${rulesPrefix()}${createHash('sha256').update(canonicalJson(deciding)).digest('base64url')}`;
}

/** Whether a result with this key is of the rules that the engines follow now. */
export const isOfCurrentRules = (key: string): boolean => key.startsWith(rulesPrefix());

const rulesPrefix = (): string => `${RULES_VERSION}.`;
