import type { TensorLayout } from '../contract/model-export.ts';
import { littleEndianBytes } from '../training/little-endian.ts';
import { about, type ExportedModel, layersOf, weightsAlone } from './exported-model.ts';
import { kerasNames } from './keras-names.ts';
import { transposed } from './transposed.ts';

interface Tensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/**
 * A safetensors file: the length of the header as uint64, the header as JSON, padded with spaces to a multiple of 8,
 * then the arrays without holes. Format: github.com/huggingface/safetensors, README, "Format".
 *
 * layout: keras = kernels are (inputs, outputs); torch = weights are (outputs, inputs), under the names of
 * nn.Sequential(Linear, ReLU, Linear, ...), for `load_state_dict`.
 *
 * The weights take scaled inputs, and give standardised numbers, whatever the preprocessing: the format has no
 * operations. The metadata name the scales.
 */
export function encodeSafetensors(model: ExportedModel, layout: TensorLayout): Uint8Array {
  const tensors = layout === 'torch' ? torchTensors(model) : kerasTensors(model);
  const header: Record<string, unknown> = {
    __metadata__: {
      format: layout === 'torch' ? 'pt' : 'keras',
      ...about(weightsAlone(model)),
      activation: model.spec.model.activation,
    },
  };
  let offset = 0;
  for (const { name, shape, values } of tensors) {
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + values.byteLength] };
    offset += values.byteLength;
  }
  const text = Buffer.from(JSON.stringify(header), 'utf8');
  const padding = Buffer.alloc((8 - (text.length % 8)) % 8, ' ');
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length + padding.length));
  return Buffer.concat([length, text, padding, ...tensors.map(({ values }) => littleEndianBytes(values))]);
}

function kerasTensors(model: ExportedModel): Tensor[] {
  const names = kerasNames(model).dense;
  return layersOf(model, model.file.weights).flatMap(({ inputs, outputs, kernel, bias }, l) => [
    { name: `${names[l]}/kernel`, shape: [inputs, outputs], values: kernel },
    { name: `${names[l]}/bias`, shape: [outputs], values: bias },
  ]);
}

function torchTensors(model: ExportedModel): Tensor[] {
  return layersOf(model, model.file.weights).flatMap(({ inputs, outputs, kernel, bias }, l) => [
    { name: `${2 * l}.weight`, shape: [outputs, inputs], values: transposed(kernel, inputs, outputs) },
    { name: `${2 * l}.bias`, shape: [outputs], values: bias },
  ]);
}
