import type { Activation } from '../contract/activation.ts';
import { littleEndianBytes } from '../training/little-endian.ts';
import { about, type ExportedModel, layersOf, outputName } from './exported-model.ts';
import { ProtoMessage } from './protobuf.ts';

/**
 * An ONNX model: (Mul, or Sub and Div,) Gemm and activation for each layer, Softmax or (Mul, Add); input `input` (batch, inputs), output
 * `probabilities` (batch, classes) or `output` (batch, 1), both float32. Field numbers: onnx/onnx.proto of ONNX 1.13.
 */

const IR_VERSION = 8;
const OPSET = 13;
const FLOAT = 1;

/** AttributeProto.type */
const ATTRIBUTE_FLOAT = 1;
const ATTRIBUTE_INT = 2;

/** Adds a node whose inputs are the named values; the result is the name of its output. */
type AddNode = (operator: string, inputs: readonly string[], attribute?: ProtoMessage) => string;

/** The nodes of each activation of the value z; the result is the name of the output. */
const ACTIVATIONS: { readonly [Name in Activation]: (add: AddNode, z: string) => string } = {
  relu: (add, z) => add('Relu', [z]),
  tanh: (add, z) => add('Tanh', [z]),
  sigmoid: (add, z) => add('Sigmoid', [z]),
  leaky_relu: (add, z) => add('LeakyRelu', [z], floatAttribute('alpha', 0.2)),
  // The operators' own constants are those of the engines.
  elu: (add, z) => add('Elu', [z]),
  selu: (add, z) => add('Selu', [z]),
  silu: (add, z) => add('Mul', [z, add('Sigmoid', [z])]),
  // Gelu is an operator from opset 20 on. This is z * sigmoid(v) of rule 3.
  gelu_tanh: (add, z) => {
    const cube = add('Mul', [add('Mul', [z, z]), z]);
    const sum = add('Add', [z, add('Mul', [cube, 'gelu_cubic'])]);
    return add('Mul', [z, add('Sigmoid', [add('Mul', [sum, 'gelu_scale'])])]);
  },
  softplus: (add, z) => add('Softplus', [z]),
  linear: (_add, z) => z,
};

/** The constants of gelu_tanh. */
const GELU = { gelu_cubic: 0.044715, gelu_scale: 1.5957691216057308 };

export function encodeOnnx(model: ExportedModel): Uint8Array {
  const bytes = new ProtoMessage()
    .int(1, IR_VERSION)
    .add(2, 'descent')
    .add(3, model.version)
    .add(7, graphOf(model))
    .add(8, new ProtoMessage().add(1, '').int(2, OPSET));
  for (const [key, value] of Object.entries(about(model))) {
    bytes.add(14, new ProtoMessage().add(1, key).add(2, value));
  }
  return bytes.bytes();
}

function graphOf(model: ExportedModel): ProtoMessage {
  const { data, layout, inputScale, inputColumns, outputScale } = model;
  const layers = layersOf(model, model.file.weights);
  const graph = new ProtoMessage();
  const output = outputName(model);
  const addNode = (operator: string, inputs: readonly string[], output: string, attribute?: ProtoMessage) => {
    graph.add(1, nodeOf(operator, inputs, output, attribute));
    return output;
  };
  let last = 'input';
  if (inputScale !== undefined) last = addNode('Mul', [last, 'scale'], 'scaled');
  if (inputColumns !== undefined) {
    last = addNode('Div', [addNode('Sub', [last, 'offsets'], 'moved'), 'divisors'], 'scaled');
  }
  for (const [l, { activation, isLast }] of layers.entries()) {
    const ends = isLast && activation === 'linear' && outputScale === undefined;
    last = addNode('Gemm', [last, `kernel_${l}`, `bias_${l}`], ends ? output : `sum_${l}`);
    // The default axis of Softmax moved with the operator set, so it is stated.
    if (activation === 'softmax') addNode('Softmax', [last], output, intAttribute('axis', -1));
    else {
      let parts = 0;
      const add: AddNode = (operator, inputs, attribute) => {
        parts += 1;
        return addNode(operator, inputs, parts === 1 ? `layer_${l}` : `layer_${l}_${parts}`, attribute);
      };
      last = ACTIVATIONS[activation](add, last);
    }
  }
  if (outputScale !== undefined) {
    addNode('Add', [addNode('Mul', [last, 'output_scale'], 'in_unit'), 'output_offset'], output);
  }
  graph.add(2, data.dataset);
  const addScalar = (name: string, value: number) => graph.add(5, tensorOf(name, [], Float32Array.of(value)));
  if (layers[0]!.activation === 'gelu_tanh') {
    for (const [name, value] of Object.entries(GELU)) addScalar(name, value);
  }
  if (inputScale !== undefined) addScalar('scale', inputScale);
  if (inputColumns !== undefined) {
    graph.add(5, tensorOf('offsets', [layout.inputs], inputColumns.offsets));
    graph.add(5, tensorOf('divisors', [layout.inputs], inputColumns.divisors));
  }
  if (outputScale !== undefined) {
    addScalar('output_scale', outputScale.scale);
    addScalar('output_offset', outputScale.offset);
  }
  for (const [l, { inputs, outputs, kernel, bias }] of layers.entries()) {
    graph.add(5, tensorOf(`kernel_${l}`, [inputs, outputs], kernel));
    graph.add(5, tensorOf(`bias_${l}`, [outputs], bias));
  }
  return graph.add(11, valueInfoOf('input', layout.inputs)).add(12, valueInfoOf(output, layout.outputs));
}

function nodeOf(
  operator: string,
  inputs: readonly string[],
  output: string,
  attribute?: ProtoMessage,
): ProtoMessage {
  const node = new ProtoMessage();
  for (const input of inputs) node.add(1, input);
  node.add(2, output).add(3, output).add(4, operator);
  return attribute === undefined ? node : node.add(5, attribute);
}

const intAttribute = (name: string, value: number): ProtoMessage =>
  new ProtoMessage().add(1, name).int(3, value).int(20, ATTRIBUTE_INT);

const floatAttribute = (name: string, value: number): ProtoMessage =>
  new ProtoMessage().add(1, name).float(2, value).int(20, ATTRIBUTE_FLOAT);

function tensorOf(name: string, dims: readonly number[], values: Float32Array): ProtoMessage {
  const made = new ProtoMessage();
  for (const dim of dims) made.int(1, dim);
  return made.int(2, FLOAT).add(8, name).add(9, littleEndianBytes(values));
}

/** (batch, columns) of float32. */
function valueInfoOf(name: string, columns: number): ProtoMessage {
  const shape = new ProtoMessage()
    .add(1, new ProtoMessage().add(2, 'batch'))
    .add(1, new ProtoMessage().int(1, columns));
  const type = new ProtoMessage().add(1, new ProtoMessage().int(1, FLOAT).add(2, shape));
  return new ProtoMessage().add(1, name).add(2, type);
}
