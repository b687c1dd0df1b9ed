import type { Activation } from '../contract/activation.ts';
import type { DataShape } from '../contract/data-shape.ts';
import type { DatasetColumn } from '../contract/dataset.ts';
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
  /**
   * What the model does itself where the format has operations: its input is multiplied, and its output is multiplied
   * and then added to. undefined: it takes scaled inputs, and gives a standardised number.
   */
  readonly inputScale: number | undefined;
  readonly outputScale: Scaling | undefined;
  /** Of the columns of an uploaded table: what the model subtracts from its input and then divides it by. */
  readonly inputColumns: InputColumns | undefined;
}

/** (inputs): 0 and 1 where a text is one-hot. */
export interface InputColumns {
  readonly offsets: Float32Array;
  readonly divisors: Float32Array;
}

export interface Scaling {
  readonly scale: number;
  readonly offset: number;
}

/** preprocessing: whether the model takes and gives what the dataset holds, or scaled values. */
export function exportedModel({
  preprocessing,
  ...source
}: Omit<ExportedModel, 'layout' | 'inputScale' | 'outputScale' | 'inputColumns'> & {
  readonly preprocessing: Preprocessing;
}): ExportedModel {
  const { storage, target } = source.data;
  const isRaw = preprocessing === 'raw';
  return {
    ...source,
    layout: jobLayout(source),
    // Only bytes are scaled.
    inputScale: isRaw && storage === 'u8' ? INPUT_SCALE : undefined,
    outputScale: isRaw && target ? { scale: target.deviation, offset: target.mean } : undefined,
    inputColumns: isRaw ? scalesOf(source.file.table?.columns) : undefined,
  };
}

/** undefined where no column is scaled. */
function scalesOf(columns: readonly DatasetColumn[] | null | undefined): InputColumns | undefined {
  const scales = (columns ?? []).flatMap((column) =>
    column.type === 'number' ? [column] : column.values.map(() => ({ offset: 0, divisor: 1 })),
  );
  if (scales.every(({ offset, divisor }) => offset === 0 && divisor === 1)) return undefined;
  return {
    offsets: Float32Array.from(scales, ({ offset }) => offset),
    divisors: Float32Array.from(scales, ({ divisor }) => divisor),
  };
}

/** value * scale + offset: for all inputs alike, or for each. */
export interface Rescaling {
  readonly scale: number | readonly number[];
  readonly offset: number | readonly number[];
}

/**
 * What the model does to its inputs, one after another, for formats whose layers multiply and then add. Numbers far from
 * 0 that hardly differ keep their digits, since the offset is taken away first.
 */
export function rescalingOf({ inputScale, inputColumns }: ExportedModel): readonly Rescaling[] {
  if (inputScale !== undefined) return [{ scale: inputScale, offset: 0 }];
  if (inputColumns === undefined) return [];
  return [
    { scale: 1, offset: Array.from(inputColumns.offsets, (offset) => -offset) },
    { scale: Array.from(inputColumns.divisors, (divisor) => 1 / divisor), offset: 0 },
  ];
}

/** Rule 1 divides a byte by 255. */
const INPUT_SCALE = 1 / 255;

/** The name of what the model gives. */
export const outputName = ({ data }: Pick<ExportedModel, 'data'>): string =>
  data.classes === null ? 'output' : 'probabilities';

/** One dense layer with the arrays of its own. */
export interface ExportedLayer {
  readonly inputs: number;
  readonly outputs: number;
  /** Of the last one softmax, or linear for a number. */
  readonly activation: Activation | 'softmax';
  readonly isLast: boolean;
  /** (inputs, outputs), row-major. */
  readonly kernel: Float32Array;
  /** (outputs) */
  readonly bias: Float32Array;
}

/** values: (P): the weights, or a slot of the optimizer. */
export function layersOf({ layout, spec, data }: ExportedModel, values: Float32Array): ExportedLayer[] {
  const last = data.classes === null ? 'linear' : 'softmax';
  return layout.layers.map(({ inputs, outputs, weightsOffset, biasesOffset }, l) => {
    const isLast = l === layout.layers.length - 1;
    return {
      inputs,
      outputs,
      activation: isLast ? last : spec.model.activation,
      isLast,
      kernel: values.subarray(weightsOffset, weightsOffset + inputs * outputs),
      bias: values.subarray(biasesOffset, biasesOffset + outputs),
    };
  });
}

/** What every format that can hold text says about the model's origin, and about what it takes and gives. */
export function about(model: ExportedModel): Record<string, string> {
  const { job, spec, data, weightsSha256, version } = model;
  return {
    producer: `descent ${version}`,
    job,
    ...(spec.name !== null && { name: spec.name }),
    dataset: data.dataset,
    dataset_sha256: data.sha256,
    ...(data.classes !== null && { classes: JSON.stringify(data.classes) }),
    weights_sha256: weightsSha256,
    ...(data.storage === 'u8'
      ? {
          input: model.inputScale === undefined ? 'bytes divided by 255, 0 to 1' : 'bytes, 0 to 255',
          input_scale: String(INPUT_SCALE),
        }
      : { input: inputOf(model), input_scale: '1' }),
    ...(model.file.table && { columns: JSON.stringify(model.file.table.columns) }),
    ...(data.target && {
      output:
        model.outputScale === undefined
          ? 'a standardised number: multiply it by output_scale, then add output_offset'
          : 'a number in the unit of the dataset',
      output_scale: String(data.target.deviation),
      output_offset: String(data.target.mean),
    }),
  };
}

/** Of numbers that are no bytes. */
function inputOf({ file, inputColumns }: ExportedModel): string {
  if (file.table === undefined) return 'numbers, as they are';
  const texts = 'a text is 1 at its place among the values of its column, else 0';
  return inputColumns === undefined
    ? `what \`columns\` lists: a number is (value - offset) / divisor; ${texts}`
    : `what \`columns\` lists: numbers in their own unit; ${texts}`;
}

/** The same without operations on input and output, for formats that have weights alone. */
export const weightsAlone = (model: ExportedModel): ExportedModel => ({
  ...model,
  inputScale: undefined,
  outputScale: undefined,
  inputColumns: undefined,
});
