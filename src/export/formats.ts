import type { ModelFileFormat, TensorLayout } from '../contract/model-export.ts';
import type { ExportedModel } from './exported-model.ts';
import { encodeJson } from './json.ts';
import { encodeKeras, encodeKerasWeights } from './keras.ts';
import { encodeOnnx } from './onnx.ts';
import { encodeSafetensors } from './safetensors.ts';
import { encodeTfjsModel, encodeTfjsWeights } from './tfjs.ts';

/** The model's bytes in a format; the same model always gives the same bytes. */
export function encodeAs(format: ModelFileFormat, model: ExportedModel, layout: TensorLayout): Uint8Array {
  switch (format) {
    case 'safetensors':
      return encodeSafetensors(model, layout);
    case 'onnx':
      return encodeOnnx(model);
    case 'keras':
      return encodeKeras(model);
    case 'weights.h5':
      return encodeKerasWeights(model);
    case 'tfjs-model':
      return encodeTfjsModel(model);
    case 'tfjs-weights':
      return encodeTfjsWeights(model);
    case 'json':
      return encodeJson(model);
  }
}
