import type { Activation } from '../contract/activation.ts';
import type { DataShape } from '../contract/data-shape.ts';
import type { JobSpec } from '../contract/job-spec.ts';
import type { Preprocessing } from '../contract/model-export.ts';
import type { ModelLayout } from '../engine/model-layout.ts';
import { jobLayout } from '../training/job-engine.ts';
import type { ModelFile } from '../training/model-file.ts';

/** A finished job's model, ready to be written in any format. Every format is written from this alone. */
export interface ExportedModel {
  readonly job: string;
  readonly spec: JobSpec;
  readonly data: DataShape;
  readonly layout: ModelLayout;
  readonly file: ModelFile;
  /** As in the job's result. */
  readonly weightsSha256: string;
  /** The version of Descent that accepted the job. */
  readonly version: string;
  /** raw: the model takes what the dataset holds, and scales it itself; scaled: it takes the scaled values. */
  readonly preprocessing: Preprocessing;
}

export const exportedModel = (source: Omit<ExportedModel, 'layout'>): ExportedModel => ({
  ...source,
  layout: jobLayout(source),
  // Only bytes are scaled.
  preprocessing: source.data.storage === 'u8' ? source.preprocessing : 'scaled',
});

/** What the input is multiplied by: rule 1 divides a byte by 255. */
export const INPUT_SCALE = 1 / 255;

/** One dense layer with the arrays of its own. */
export interface ExportedLayer {
  readonly inputs: number;
  readonly outputs: number;
  /** softmax for the last one. */
  readonly activation: Activation | 'softmax';
  /** (inputs, outputs), row-major. */
  readonly kernel: Float32Array;
  /** (outputs) */
  readonly bias: Float32Array;
}

/** values: (P): the weights, or a slot of the optimizer. */
export function layersOf({ layout, spec }: ExportedModel, values: Float32Array): ExportedLayer[] {
  return layout.layers.map(({ inputs, outputs, weightsOffset, biasesOffset }, l) => ({
    inputs,
    outputs,
    activation: l === layout.layers.length - 1 ? 'softmax' : spec.model.activation,
    kernel: values.subarray(weightsOffset, weightsOffset + inputs * outputs),
    bias: values.subarray(biasesOffset, biasesOffset + outputs),
  }));
}

/** What every format that can hold text says about the model's origin. */
export function about(model: ExportedModel): Record<string, string> {
  const { job, spec, data, weightsSha256, version, preprocessing } = model;
  return {
    producer: `descent ${version}`,
    job,
    ...(spec.name !== null && { name: spec.name }),
    dataset: data.dataset,
    dataset_sha256: data.sha256,
    classes: JSON.stringify(data.classes),
    weights_sha256: weightsSha256,
    ...(data.storage === 'u8'
      ? {
          input: preprocessing === 'raw' ? 'bytes, 0 to 255' : 'bytes divided by 255, 0 to 1',
          input_scale: String(INPUT_SCALE),
        }
      : { input: 'numbers, as they are', input_scale: '1' }),
  };
}
