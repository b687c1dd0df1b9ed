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
const ATTRIBUTE_INT = 2;

const OPERATORS = { relu: 'Relu', tanh: 'Tanh', sigmoid: 'Sigmoid' } as const;

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
  let last = 'input';
  const addNode = (operator: string, inputs: readonly string[], output: string, axis?: number) => {
    graph.add(1, nodeOf(operator, [last, ...inputs], output, axis));
    last = output;
  };
  if (inputScale !== undefined) addNode('Mul', ['scale'], 'scaled');
  if (inputColumns !== undefined) {
    addNode('Sub', ['offsets'], 'moved');
    addNode('Div', ['divisors'], 'scaled');
  }
  for (const [l, { activation, isLast }] of layers.entries()) {
    const ends = isLast && activation === 'linear' && outputScale === undefined;
    addNode('Gemm', [`kernel_${l}`, `bias_${l}`], ends ? output : `sum_${l}`);
    // The default axis of Softmax moved with the operator set, so it is stated.
    if (activation === 'softmax') addNode('Softmax', [], output, -1);
    else if (activation !== 'linear') addNode(OPERATORS[activation], [], `layer_${l}`);
  }
  if (outputScale !== undefined) {
    addNode('Mul', ['output_scale'], 'in_unit');
    addNode('Add', ['output_offset'], output);
  }
  graph.add(2, data.dataset);
  const addScalar = (name: string, value: number) => graph.add(5, tensorOf(name, [], Float32Array.of(value)));
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

function nodeOf(operator: string, inputs: readonly string[], output: string, axis?: number): ProtoMessage {
  const node = new ProtoMessage();
  for (const input of inputs) node.add(1, input);
  node.add(2, output).add(3, output).add(4, operator);
  if (axis === undefined) return node;
  return node.add(5, new ProtoMessage().add(1, 'axis').int(3, axis).int(20, ATTRIBUTE_INT));
}

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
