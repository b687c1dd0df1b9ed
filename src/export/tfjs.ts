import type { Activation } from '../contract/activation.ts';
import { littleEndianBytes } from '../training/little-endian.ts';
import { type ExportedModel, layersOf, rescalingOf } from './exported-model.ts';
import { kerasNames, rescalingName } from './keras-names.ts';

/**
 * The two files that TensorFlow.js's `loadLayersModel` reads: the model as JSON, and its weights in a file beside it.
 * Without dropout, which only training uses.
 */

export const TFJS_WEIGHTS = 'weights.bin';

/**
 * The names of TensorFlow.js's activations. leaky_relu is a layer of its own there; its gelu_new cannot be loaded, since
 * its loader writes names in camel case.
 */
const TFJS_ACTIVATIONS: { readonly [Name in Activation]: string } = {
  relu: 'relu',
  tanh: 'tanh',
  sigmoid: 'sigmoid',
  leaky_relu: 'linear',
  elu: 'elu',
  selu: 'selu',
  gelu_tanh: 'linear',
  silu: 'swish',
  softplus: 'softplus',
  linear: 'linear',
};

export function encodeTfjsModel(model: ExportedModel): Uint8Array {
  const { layout, data, outputScale, version } = model;
  const names = kerasNames(model).dense;
  const exported = layersOf(model, model.file.weights);
  const chain = [
    // Its type says that these are numbers; it multiplies and adds lists as well.
    ...rescalingOf(model).map((rescaling, k) => layer('Rescaling', { name: rescalingName(k), ...rescaling })),
    ...exported.flatMap(({ outputs, activation }, l) => [
      layer('Dense', {
        name: names[l],
        units: outputs,
        activation: activation === 'softmax' ? activation : TFJS_ACTIVATIONS[activation],
        use_bias: true,
      }),
      ...(activation === 'leaky_relu' ? [layer('LeakyReLU', { name: `leaky_re_lu_${l}`, alpha: 0.2 })] : []),
    ]),
    ...(outputScale === undefined ? [] : [layer('Rescaling', { name: 'output', ...outputScale })]),
  ];
  // Keras 3 writes batch_shape, which TensorFlow.js does not know.
  chain[0]!.config.batch_input_shape = [null, layout.inputs];
  const weights = exported.flatMap(({ inputs, outputs }, l) => [
    { name: `${names[l]}/kernel`, shape: [inputs, outputs], dtype: 'float32' },
    { name: `${names[l]}/bias`, shape: [outputs], dtype: 'float32' },
  ]);
  const json = {
    format: 'layers-model',
    generatedBy: `descent ${version}`,
    convertedBy: null,
    modelTopology: {
      ...(exported[0]!.activation === 'gelu_tanh'
        ? { class_name: 'Model', config: { name: data.dataset, ...geluGraph(chain, names) } }
        : { class_name: 'Sequential', config: { name: data.dataset, layers: chain } }),
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

type Node = Layer & { name: string; inbound_nodes: (readonly [string, number, number, object])[][] };

/**
 * A chain of layers with gelu_tanh after each dense one but the last, as a graph: z * sigmoid(v) of rule 3, from layers
 * without weights.
 */
function geluGraph(chain: readonly Layer[], dense: readonly string[]): object {
  const nodes: Node[] = [];
  const add = (className: string, config: Record<string, unknown>, ...inputs: string[]): string => {
    const name = String(config.name);
    const inbound = inputs.map((input) => [input, 0, 0, {}] as const);
    nodes.push({ ...layer(className, config), name, inbound_nodes: inbound.length === 0 ? [] : [inbound] });
    return name;
  };
  const { batch_input_shape, ...first } = chain[0]!.config;
  let last = add('InputLayer', { name: 'input', batch_input_shape, sparse: false });
  for (const [k, { class_name, config }] of chain.entries()) {
    last = add(class_name, k === 0 ? first : config, last);
    if (!dense.slice(0, -1).includes(last)) continue;
    const named = (part: string) => ({ name: `${part}_${last}` });
    const z = last;
    // No layer takes a value twice, since TensorFlow.js would free it after the first time.
    const scaled = add('Rescaling', { ...named('scaled'), scale: GELU_SCALE, offset: 0 }, z);
    const cube = add('Multiply', named('cube'), add('Multiply', named('square'), scaled, z), z);
    const cubic = add('Rescaling', { ...named('cubic'), scale: GELU_CUBIC, offset: 0 }, cube);
    const sum = add('Add', named('sum'), scaled, cubic);
    const gate = add('Activation', { ...named('gate'), activation: 'sigmoid' }, sum);
    last = add('Multiply', named('gelu'), z, gate);
  }
  return { layers: nodes, input_layers: [['input', 0, 0]], output_layers: [[last, 0, 0]] };
}

const GELU_SCALE = 1.5957691216057308;
const GELU_CUBIC = 0.044715;
