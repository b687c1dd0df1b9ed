import { JobSpecSchema } from '../../src/contract/job-spec.ts';
import { resolveDataset } from '../../src/dataset/registry.ts';
import { slotNames } from '../../src/engine/optimizer-state.ts';
import type { JobFile } from '../../src/store/job-record.ts';
import { jobLayout } from '../../src/training/job-engine.ts';
import { encodeModel } from '../../src/training/model-file.ts';
import type { Predicted } from '../../src/training/tally.ts';
import type { OpenApi } from './open-api.ts';

/**
 * Writes a model file as a trainer does, with weights that are small and all different.
 * predicted: of each test row; class 0 if missing.
 */
export async function writeModel(
  api: OpenApi,
  id: string,
  given: object,
  predicted?: Predicted,
): Promise<JobFile> {
  const spec = JobSpecSchema.parse(given);
  const data = resolveDataset(spec.dataset);
  const { parameters } = jobLayout({ spec, data });
  const values = Float32Array.from({ length: parameters }, (_, k) => k / parameters);
  const slots = slotNames(spec.optimizer).map((name) => ({ name, values }));
  const state = { weights: values, slots, powers: [], steps: 150 };
  const bytes = encodeModel(state, predicted ?? new Uint16Array(data.rows.test), { spec, data });
  return await api.artifacts.write(id, '1-model.bin', bytes);
}
