import type { Activation } from '../../contract/activation.ts';
import type { Loss } from '../../contract/loss.ts';
import type { Optimizer } from '../../contract/optimizer.ts';
import { dropoutScale, dropoutThreshold } from '../dropout.ts';
import type { EngineOptions } from '../engine.ts';
import { labelValues } from '../label-smoothing.ts';
import {
  clipsByNorm,
  decaysUntouchedSlots,
  powersOf,
  skipsUntouchedRows,
  type Updates,
  unknown,
} from '../optimizer-state.ts';
import { hasPenalty } from '../penalty.ts';
import * as header from './header.ts';
import type { KernelMemory, KernelShape } from './memory.ts';

/** Writes the header of the kernel's memory: the addresses of all regions, and the optimizer's constants. */
export function writeKernelHeader(
  memory: ArrayBuffer,
  map: KernelMemory,
  shape: KernelShape,
  { seed, loss, labelSmoothing, classWeights, layout }: EngineOptions,
): void {
  const { activation, dropout, batchSize, epochRows, storage } = shape;
  const view = new DataView(memory);
  const u32 = (place: number, value: number) => view.setUint32(place, value, true);
  u32(header.LAYERS, map.layers.length);
  u32(header.BATCH_SIZE, batchSize);
  u32(header.EPOCH_ROWS, epochRows);
  u32(header.BATCH_PANEL_BYTES, map.batchPanelBytes);
  u32(header.SLOT_DISTANCE, map.slotDistance);
  u32(header.PARAMETERS, map.parameters.address);
  u32(header.PARAMETERS_END, map.parameters.address + map.parameters.bytes);
  u32(header.DECAYS, map.decays.bytes === 0 ? 0 : map.decays.address);
  u32(header.UPDATED_AT, map.updatedAt.address);
  u32(header.SKIPS_UNTOUCHED_ROWS, skipsUntouchedRows(shape) ? 1 : 0);
  u32(header.ORDER, map.order.address);
  u32(header.RATES, map.rates.address);
  u32(header.ROW_STARTS, map.rowStarts.address);
  u32(header.TARGETS, map.targets.address);
  u32(header.ITEMS, map.items.address);
  u32(header.ROW_ENDS, map.rowEnds.address);
  u32(header.SORTED_ITEMS, map.sortedItems.address);
  u32(header.CURSORS, map.cursors.address);
  u32(header.TOUCHED_ROWS, map.touchedRows.address);
  u32(header.TRANSPOSED, map.transposed.address);
  u32(header.LOSSES, map.losses.address);
  u32(header.PREDICTED, map.predicted.address);
  u32(header.ACTIVATION, ACTIVATION_CODES[activation]);
  u32(header.STORAGE, storage === 'u8' ? header.STORAGE_U8 : header.STORAGE_F32);
  u32(header.LOSS, LOSS_CODES[loss]);
  const { on, off } = labelValues(labelSmoothing, layout.outputs);
  view.setFloat32(header.LABEL_ON, on, true);
  view.setFloat32(header.LABEL_OFF, off, true);
  if (classWeights !== null) {
    new Float32Array(memory, map.classWeights.address, layout.outputs).set(classWeights);
    u32(header.CLASS_WEIGHTS, map.classWeights.address);
  }
  u32(header.SEED, seed);
  u32(header.HAS_DROPOUT, dropout > 0 ? 1 : 0);
  u32(header.DROPOUT_THRESHOLD, dropoutThreshold(dropout));
  view.setFloat32(header.DROPOUT_SCALE, dropoutScale(dropout), true);
  map.layers.forEach(({ inputs, outputs, weights, out, slopes, kept, deltas }, l) => {
    const record = header.LAYER_RECORDS + l * header.LAYER_RECORD_BYTES;
    u32(record + header.INPUTS, inputs);
    u32(record + header.OUTPUTS, outputs);
    u32(record + header.WEIGHTS, weights.address);
    u32(record + header.OUT, out.address);
    u32(record + header.KEPT, kept.address);
    u32(record + header.DELTAS, deltas.address);
    u32(record + header.SLOPES, slopes.address);
  });
  // Rule 1; setFloat32 rounds once.
  for (let byte = 0; byte < 256; byte += 1) {
    view.setFloat32(header.BYTE_VALUES + 4 * byte, byte / 255, true);
  }
  u32(header.HAS_PENALTY, hasPenalty(shape) ? 1 : 0);
  view.setFloat32(header.L1_SLOPE, shape.l1, true);
  view.setFloat32(header.L2_SLOPE, 2 * shape.l2, true);
  view.setFloat64(header.L1, shape.l1, true);
  view.setFloat64(header.L2, shape.l2, true);
  writeOptimizer(view, map, shape);
}

const ACTIVATION_CODES: { readonly [Name in Activation]: number } = {
  relu: header.ACTIVATION_RELU,
  tanh: header.ACTIVATION_TANH,
  sigmoid: header.ACTIVATION_SIGMOID,
  leaky_relu: header.ACTIVATION_LEAKY_RELU,
  elu: header.ACTIVATION_ELU,
  selu: header.ACTIVATION_SELU,
  gelu_tanh: header.ACTIVATION_GELU_TANH,
  silu: header.ACTIVATION_SILU,
  softplus: header.ACTIVATION_SOFTPLUS,
  linear: header.ACTIVATION_LINEAR,
};

const LOSS_CODES: { readonly [Name in Loss]: number } = {
  categorical_crossentropy: header.LOSS_CATEGORICAL_CROSSENTROPY,
  mse: header.LOSS_MSE,
  mae: header.LOSS_MAE,
  huber: header.LOSS_HUBER,
};

/** Hyper-parameters and constants derived from them are computed in float64 and rounded to float32 once. */
function writeOptimizer(view: DataView, map: KernelMemory, updates: Updates): void {
  const { optimizer } = updates;
  const f32 = (place: number, value: number) => view.setFloat32(place, value, true);
  const f64 = (place: number, value: number) => view.setFloat64(place, value, true);
  const betas = ({ beta_1, beta_2 }: { beta_1: number; beta_2: number }) => {
    f64(header.BETA_1, beta_1);
    f64(header.BETA_2, beta_2);
    f32(header.BETA_1_ROUNDED, beta_1);
    f32(header.BETA_2_ROUNDED, beta_2);
    f32(header.ONE_MINUS_BETA_1, 1 - beta_1);
    f32(header.ONE_MINUS_BETA_2, 1 - beta_2);
  };
  view.setUint32(header.RULE, ruleOf(optimizer), true);
  writePreparation(view, map, updates);
  for (const power of [header.POWER_1, header.POWER_2, header.POWER_3]) f64(power, 1);
  switch (optimizer.type) {
    case 'rmsprop':
      f32(header.RHO, optimizer.rho);
      f32(header.ONE_MINUS_RHO, 1 - optimizer.rho);
      f32(header.MOMENTUM, optimizer.momentum);
      f32(header.EPSILON, optimizer.epsilon);
      view.setUint32(header.CENTERED, optimizer.centered ? 1 : 0, true);
      if (decaysUntouchedSlots(updates)) {
        const decays = powersOf(Math.fround(optimizer.rho), map.decays.bytes / 4 - 1);
        new Float32Array(view.buffer, map.decays.address, decays.length).set(decays);
        // Rows that are never skipped decay by one step per update.
        f32(header.RHO, decays[1]);
      }
      break;
    case 'sgd':
      f32(header.MOMENTUM, optimizer.momentum);
      view.setUint32(header.NESTEROV, optimizer.nesterov ? 1 : 0, true);
      break;
    case 'adagrad':
      f32(header.EPSILON, optimizer.epsilon);
      break;
    case 'adam':
    case 'adamw':
      f32(header.EPSILON, optimizer.epsilon);
      betas(optimizer);
      view.setUint32(header.AMSGRAD, optimizer.amsgrad ? 1 : 0, true);
      break;
    case 'nadam':
    case 'adamax':
      f32(header.EPSILON, optimizer.epsilon);
      betas(optimizer);
      break;
    case 'adadelta':
      f32(header.RHO, optimizer.rho);
      f32(header.ONE_MINUS_RHO, 1 - optimizer.rho);
      f32(header.EPSILON, optimizer.epsilon);
      break;
    case 'lion':
      betas(optimizer);
      break;
    default:
      unknown(optimizer);
  }
}

/** What happens to gradients and weights before the update (rules 16 to 18). */
function writePreparation(view: DataView, map: KernelMemory, updates: Updates): void {
  const { optimizer } = updates;
  const { weight_decay, clipvalue, clipnorm, global_clipnorm } = optimizer;
  const u32 = (place: number, value: number) => view.setUint32(place, value, true);
  const { gradients, parameters } = map;
  const clips = clipsByNorm(optimizer);
  const prepares = weight_decay !== null || clipvalue !== null || clips || hasPenalty(updates);
  u32(header.PREPARES, prepares ? 1 : 0);
  view.setFloat32(header.WEIGHT_DECAY, weight_decay ?? 0, true);
  view.setFloat32(header.CLIPVALUE, clipvalue ?? 0, true);
  u32(header.CLIPS_BY_NORM, clips ? 1 : 0);
  u32(header.GRADIENT_DISTANCE, gradients.address - parameters.address);
  u32(header.HAS_GLOBAL_NORM, global_clipnorm === null ? 0 : 1);
  view.setFloat64(header.MOST_NORM, clipnorm ?? global_clipnorm ?? 0, true);
}

function ruleOf(optimizer: Optimizer): number {
  switch (optimizer.type) {
    case 'rmsprop':
      return optimizer.centered || optimizer.momentum > 0 ? header.RULE_RMSPROP_GENERAL : header.RULE_RMSPROP;
    case 'sgd':
      return optimizer.momentum > 0 ? header.RULE_SGD_MOMENTUM : header.RULE_SGD;
    case 'adagrad':
      return header.RULE_ADAGRAD;
    case 'adam':
    case 'adamw':
      return header.RULE_ADAM;
    case 'nadam':
      return header.RULE_NADAM;
    case 'adamax':
      return header.RULE_ADAMAX;
    case 'adadelta':
      return header.RULE_ADADELTA;
    case 'lion':
      return header.RULE_LION;
    default:
      return unknown(optimizer);
  }
}
