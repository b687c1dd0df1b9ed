import type { JobSpec, JobStatus, ModelFormat } from '../../../src/client/descent.ts';
import type { Engine } from '../../../src/client/types.ts';

/** The values of the API's enumerations, which its types know but a page cannot ask. The compiler compares them. */

const allOf = <Name extends string>(names: Record<Name, true>): Name[] => Object.keys(names) as Name[];

export const STATUSES = allOf<JobStatus>({
  queued: true,
  running: true,
  pausing: true,
  paused: true,
  cancelling: true,
  succeeded: true,
  failed: true,
  cancelled: true,
});

export const OPTIMIZER_TYPES = allOf<NonNullable<JobSpec['optimizer']>['type']>({
  rmsprop: true,
  sgd: true,
  adagrad: true,
  adam: true,
  adamw: true,
  nadam: true,
  adamax: true,
  adadelta: true,
  lion: true,
});

export const ENGINES = allOf<Engine['name']>({ native: true, wasm: true, reference: true, tensorflow: true });

export const MODEL_FORMATS = allOf<ModelFormat>({
  safetensors: true,
  onnx: true,
  keras: true,
  'weights.h5': true,
  json: true,
});
