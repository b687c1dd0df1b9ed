import { littleEndianBytes } from '../training/little-endian.ts';
import { about, type ExportedModel, INPUT_SCALE, layersOf } from './exported-model.ts';
import { ProtoMessage } from './protobuf.ts';

/**
 * An ONNX model: (Mul,) Gemm and activation for each layer, Softmax; input `input` (batch, inputs), output
 * `probabilities` (batch, classes), both float32. Field numbers: onnx/onnx.proto of ONNX 1.13.
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
  const { data, layout, preprocessing } = model;
  const layers = layersOf(model, model.file.weights);
  const graph = new ProtoMessage();
  let last = 'input';
  const addNode = (operator: string, inputs: readonly string[], output: string, axis?: number) => {
    graph.add(1, nodeOf(operator, [last, ...inputs], output, axis));
    last = output;
  };
  if (preprocessing === 'raw') addNode('Mul', ['scale'], 'scaled');
  for (const [l, { activation }] of layers.entries()) {
    addNode('Gemm', [`kernel_${l}`, `bias_${l}`], `sum_${l}`);
    // The default axis of Softmax moved with the operator set, so it is stated.
    if (activation === 'softmax') addNode('Softmax', [], 'probabilities', -1);
    else addNode(OPERATORS[activation], [], `layer_${l}`);
  }
  graph.add(2, data.dataset);
  if (preprocessing === 'raw') graph.add(5, tensorOf('scale', [], Float32Array.of(INPUT_SCALE)));
  for (const [l, { inputs, outputs, kernel, bias }] of layers.entries()) {
    graph.add(5, tensorOf(`kernel_${l}`, [inputs, outputs], kernel));
    graph.add(5, tensorOf(`bias_${l}`, [outputs], bias));
  }
  return graph
    .add(11, valueInfoOf('input', layout.inputs))
    .add(12, valueInfoOf('probabilities', layout.outputs));
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
