import type { Activation } from '../contract/activation.ts';
import { littleEndianBytes } from '../training/little-endian.ts';
import { type ExportedModel, INPUT_SCALE, layersOf } from './exported-model.ts';
import { kerasNames } from './keras-names.ts';

/**
 * The two files that TensorFlow.js's `loadLayersModel` reads: the model as JSON, and its weights in a file beside it.
 * Without dropout, which only training uses.
 */

export const TFJS_WEIGHTS = 'weights.bin';

/** The names of TensorFlow.js's layers; leaky_relu is a layer of its own there. */
const TFJS_ACTIVATIONS: { readonly [Name in Activation]: string | undefined } = {
  relu: 'relu',
  tanh: 'tanh',
  sigmoid: 'sigmoid',
  leaky_relu: undefined,
  elu: 'elu',
  selu: 'selu',
  gelu_tanh: 'gelu_new',
  silu: 'swish',
  softplus: 'softplus',
  linear: 'linear',
};

export function encodeTfjsModel(model: ExportedModel): Uint8Array {
  const { layout, data, preprocessing, version } = model;
  const names = kerasNames(model).dense;
  const exported = layersOf(model, model.file.weights);
  const layers = [
    ...(preprocessing === 'raw'
      ? [layer('Rescaling', { name: 'rescaling', scale: INPUT_SCALE, offset: 0 })]
      : []),
    ...exported.flatMap(({ outputs, activation }, l) => [
      layer('Dense', {
        name: names[l],
        units: outputs,
        activation: activation === 'softmax' ? activation : (TFJS_ACTIVATIONS[activation] ?? 'linear'),
        use_bias: true,
      }),
      ...(activation === 'leaky_relu' ? [layer('LeakyReLU', { name: `leaky_re_lu_${l}`, alpha: 0.2 })] : []),
    ]),
  ];
  // Keras 3 writes batch_shape, which TensorFlow.js does not know.
  layers[0]!.config.batch_input_shape = [null, layout.inputs];
  const weights = exported.flatMap(({ inputs, outputs }, l) => [
    { name: `${names[l]}/kernel`, shape: [inputs, outputs], dtype: 'float32' },
    { name: `${names[l]}/bias`, shape: [outputs], dtype: 'float32' },
  ]);
  const json = {
    format: 'layers-model',
    generatedBy: `descent ${version}`,
    convertedBy: null,
    modelTopology: {
      class_name: 'Sequential',
      config: { name: data.dataset, layers },
      keras_version: '2.15.0',
      backend: 'tensorflow',
    },
    weightsManifest: [{ paths: [TFJS_WEIGHTS], weights }],
  };
  return Buffer.from(JSON.stringify(json), 'utf8');
}

/** Kernel and bias of each layer, in the order of the manifest, which is the order of rule 11. */
export const encodeTfjsWeights = ({ file }: ExportedModel): Uint8Array => littleEndianBytes(file.weights);

interface Layer {
  class_name: string;
  config: Record<string, unknown>;
}

const layer = (className: string, config: Record<string, unknown>): Layer => ({
  class_name: className,
  config: { ...config, dtype: 'float32', trainable: true },
});
