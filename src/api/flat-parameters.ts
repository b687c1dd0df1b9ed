import type { ParameterValue } from '../contract/comparison.ts';
import type { JobSpec } from '../contract/job-spec.ts';

/**
 * The settings of a job by their paths, such as optimizer.type. The name and the metadata say nothing about how a job
 * trains.
 */
export const flatParameters = ({
  name: _name,
  metadata: _metadata,
  priority: _priority,
  checkpoints: _checkpoints,
  ...parameters
}: JobSpec): Map<string, ParameterValue> => flatten(parameters);

/** { optimizer: { type: 'sgd' } } -> optimizer.type: 'sgd'. Arrays stay values. */
function flatten(object: object, prefix = ''): Map<string, ParameterValue> {
  const flat = new Map<string, ParameterValue>();
  for (const [key, value] of Object.entries(object) as [string, ParameterValue | object][]) {
    const name = `${prefix}${key}`;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) flat.set(name, value);
    else for (const [inner, deep] of flatten(value, `${name}.`)) flat.set(inner, deep);
  }
  return flat;
}
