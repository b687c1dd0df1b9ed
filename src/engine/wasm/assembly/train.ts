import {
  ABSOLUTE_ERROR,
  BATCH_SIZE,
  CLIPS_BY_NORM,
  CORRECT,
  DELTAS,
  EPOCH_ROWS,
  EPOCH_STEP,
  HAS_DROPOUT,
  HAS_PENALTY,
  ROW_STARTS,
  INPUTS,
  JOB_STEP,
  KEPT,
  TARGETS,
  LAYER_RECORD_BYTES,
  LAYER_RECORDS,
  LAYERS,
  LEARNING_RATE,
  LOSS,
  LOSS_CATEGORICAL_CROSSENTROPY,
  LOSS_SUM,
  LOSSES,
  ORDER,
  MEASURES,
  OUT,
  OUTPUTS,
  PANEL_BYTES,
  PANEL_COLUMNS,
  PREDICTED,
  PREPARES,
  RATE,
  RATES,
  RULE,
  RULE_ADADELTA,
  RULE_ADAGRAD,
  RULE_ADAM,
  RULE_ADAMAX,
  RULE_LION,
  RULE_NADAM,
  RULE_RMSPROP,
  RULE_RMSPROP_GENERAL,
  RULE_SGD,
  RULE_SGD_MOMENTUM,
  SLOPES,
  TOUCHED_ROWS_END,
  TRANSPOSED,
  WEIGHTS,
} from '../../kernel/header.ts';
import { activate, activateBackward } from './activations.ts';
import { denseBackwardInputs, denseBackwardUpdate, denseForward } from './dense-layer.ts';
import { applyDropout } from './dropout.ts';
import { applyUpdates, scaleGradients } from './norms.ts';
import { Adam, Adamax, Lion, Nadam } from './adam-rules.ts';
import { Adadelta, Adagrad, Rmsprop, RmspropGeneral, Sgd, SgdMomentum } from './gradient-rules.ts';
import { beginStep, Keep, Prepared } from './optimizers.ts';
import { listItems, packRows, sortItems, touchRows } from './nonzeros.ts';
import { firstBackwardUpdate, firstForward } from './first-layer.ts';
import { numberLossBackward, numberLossForward } from './number-loss.ts';
import { penalty } from './penalty.ts';
import { classWeight, softmaxLossBackward, softmaxLossForward } from './softmax-loss.ts';

export { packRows };

/** The parts of a training step, in the order of ../../reference/reference.ts. Their loops are in the other files. */

@inline
function panels(columns: u32): u32 {
  return (columns + PANEL_COLUMNS - 1) / PANEL_COLUMNS;
}

@inline
function layerRecord(l: u32): usize {
  return LAYER_RECORDS + l * LAYER_RECORD_BYTES;
}

/**
 * Trains `steps` batches of the order, starting with batch `from`. Returns how many were trained; fewer than `steps`
 * means that the loss of the next one is not finite.
 */
export function train(from: u32, steps: u32): u32 {
  const batchSize = load<u32>(0, BATCH_SIZE);
  const order = load<usize>(0, ORDER);
  // The order has the batch after these, too, for touchRows().
  const orderEnd = order + (min<u32>(load<u32>(0, EPOCH_ROWS), (from + steps + 1) * batchSize) << 2);
  let rows = order + (from * batchSize << 2);
  const rates = load<usize>(0, RATES) + (from << 3);
  for (let s: u32 = 0; s < steps; s += 1) {
    const rate = load<f64>(rates + (s << 3));
    store<f64>(0, rate, RATE);
    store<f32>(0, <f32>rate, LEARNING_RATE);
    const next = min<usize>(rows + (batchSize << 2), orderEnd);
    if (!step(rows, <u32>(next - rows) >> 2, next, min<usize>(next + (batchSize << 2), orderEnd))) return s;
    rows = next;
  }
  return steps;
}

/**
 * One optimizer step. rows: (B), row numbers; next .. nextEnd: those of the next batch.
 * False = the loss or a norm is not finite, and no weight has changed.
 */
function step(rows: usize, B: u32, next: usize, nextEnd: usize): bool {
  const targets = load<usize>(0, TARGETS);
  const starts = load<usize>(0, ROW_STARTS);
  measure(starts, targets, rows, B, true);
  const losses = load<usize>(0, LOSSES);
  const predicted = load<usize>(0, PREDICTED);
  const isNumber = predictsNumber();
  let lossSum: f64 = 0;
  let absoluteError: f64 = 0;
  let correct: u32 = 0;
  for (let r: u32 = 0; r < B; r += 1) {
    const loss = load<f32>(losses + (r << 2));
    if (isNumber) {
      lossSum += <f64>loss;
      absoluteError += <f64>abs<f32>(load<f32>(lastDeltas() + r * PANEL_BYTES));
    } else {
      const target = load<u32>(targets + (load<u32>(rows + (r << 2)) << 2));
      lossSum += <f64>(loss * classWeight(target));
      correct += <u32>(load<u32>(predicted + (r << 2)) == target);
    }
  }
  if (load<u32>(0, HAS_PENALTY)) lossSum += <f64>B * penalty();
  if (!(abs<f64>(lossSum) < Infinity)) return false;
  store<f64>(0, load<f64>(0, LOSS_SUM) + lossSum, LOSS_SUM);
  store<f64>(0, load<f64>(0, ABSOLUTE_ERROR) + absoluteError, ABSOLUTE_ERROR);
  store<u32>(0, load<u32>(0, CORRECT) + correct, CORRECT);
  store<u32>(0, load<u32>(0, EPOCH_STEP) + 1, EPOCH_STEP);

  touchRows(starts, next, nextEnd);
  if (isNumber) numberLossBackward(lastDeltas(), B);
  else softmaxLossBackward(lastDeltas(), targets, rows, B, lastOutputs());
  const storesGradients = (load<u32>(0, CLIPS_BY_NORM) | load<u32>(0, MEASURES)) != 0;
  if (storesGradients) {
    backwardUpdate<Keep>(changetype<Keep>(0), B);
    if (!scaleGradients()) return false;
  }
  beginStep();
  if (storesGradients) applyUpdates();
  else if (load<u32>(0, PREPARES) != 0) backwardUpdate<Prepared>(changetype<Prepared>(0), B);
  else plainUpdate(B);
  store<u32>(0, load<u32>(0, JOB_STEP) + 1, JOB_STEP);
  return true;
}

/** The step of a job whose gradients and weights need no preparation. */
function plainUpdate(B: u32): void {
  switch (load<u32>(0, RULE)) {
    case RULE_RMSPROP: {
      backwardUpdate<Rmsprop>(changetype<Rmsprop>(0), B);
      break;
    }
    case RULE_RMSPROP_GENERAL: {
      backwardUpdate<RmspropGeneral>(changetype<RmspropGeneral>(0), B);
      break;
    }
    case RULE_SGD: {
      backwardUpdate<Sgd>(changetype<Sgd>(0), B);
      break;
    }
    case RULE_SGD_MOMENTUM: {
      backwardUpdate<SgdMomentum>(changetype<SgdMomentum>(0), B);
      break;
    }
    case RULE_ADAGRAD: {
      backwardUpdate<Adagrad>(changetype<Adagrad>(0), B);
      break;
    }
    case RULE_ADAM: {
      backwardUpdate<Adam>(changetype<Adam>(0), B);
      break;
    }
    case RULE_NADAM: {
      backwardUpdate<Nadam>(changetype<Nadam>(0), B);
      break;
    }
    case RULE_ADAMAX: {
      backwardUpdate<Adamax>(changetype<Adamax>(0), B);
      break;
    }
    case RULE_ADADELTA: {
      backwardUpdate<Adadelta>(changetype<Adadelta>(0), B);
      break;
    }
    case RULE_LION: {
      backwardUpdate<Lion>(changetype<Lion>(0), B);
      break;
    }
    default:
      unreachable();
  }
}

@inline
function lastDeltas(): usize {
  return load<usize>(layerRecord(load<u32>(0, LAYERS) - 1), DELTAS);
}

@inline
function lastOutputs(): u32 {
  return load<u32>(layerRecord(load<u32>(0, LAYERS) - 1), OUTPUTS);
}

@inline
function predictsNumber(): bool {
  return load<u32>(0, LOSS) != LOSS_CATEGORICAL_CROSSENTROPY;
}

/**
 * Rows to losses, predictions and probabilities, or errors; these go into the deltas of the last layer.
 * starts: (R + 1), from packRows(); targets: (R), rows: (B), row numbers.
 * training: apply dropout, if the model has any.
 */
export function measure(starts: usize, targets: usize, rows: usize, B: u32, training: bool): void {
  const hasDropout = training && load<u32>(0, HAS_DROPOUT) != 0;
  const layers = load<u32>(0, LAYERS);
  let x: usize = 0;
  for (let l: u32 = 0; l < layers; l += 1) {
    const layer = layerRecord(l);
    const I = load<u32>(layer, INPUTS);
    const O = load<u32>(layer, OUTPUTS);
    const P = panels(O);
    const W = load<usize>(layer, WEIGHTS);
    const out = load<usize>(layer, OUT);
    if (l == 0) {
      listItems(starts, rows, B);
      firstForward(out, W, B, I, P);
    } else {
      denseForward(out, x, W, B, I, P);
    }
    x = out;
    if (l + 1 == layers) break;
    activate(out, load<usize>(layer, SLOPES), B, O);
    if (!hasDropout) continue;
    x = load<usize>(layer, KEPT);
    applyDropout(x, out, l, B, O);
  }
  if (predictsNumber()) numberLossForward(lastDeltas(), x, targets, rows, B);
  else softmaxLossForward(lastDeltas(), x, targets, rows, B, lastOutputs());
}

/**
 * Computes gradients from the deltas and updates the weights, from the last layer to the first. A layer is updated as
 * soon as the deltas below it are computed, since nothing else needs its old weights.
 */
function backwardUpdate<Rule>(rule: Rule, B: u32): void {
  for (let l = load<u32>(0, LAYERS) - 1; l > 0; l -= 1) {
    const layer = layerRecord(l);
    const I = load<u32>(layer, INPUTS);
    const O = load<u32>(layer, OUTPUTS);
    const W = load<usize>(layer, WEIGHTS);
    const dz = load<usize>(layer, DELTAS);
    const below = layerRecord(l - 1);
    const x = load<usize>(below, KEPT);
    const dx = load<usize>(below, DELTAS);
    denseBackwardInputs(dx, dz, W, load<usize>(0, TRANSPOSED), B, I, O);
    if (load<u32>(0, HAS_DROPOUT)) applyDropout(dx, dx, l - 1, B, I);
    activateBackward(dx, load<usize>(below, OUT), load<usize>(below, SLOPES), B, panels(I));
    denseBackwardUpdate<Rule>(rule, W, x, dz, B, I, panels(O));
  }
  const first = layerRecord(0);
  const I = load<u32>(first, INPUTS);
  const P = panels(load<u32>(first, OUTPUTS));
  const touchedRowsEnd = sortItems(B, I, load<u32>(0, EPOCH_STEP));
  store<usize>(0, touchedRowsEnd, TOUCHED_ROWS_END);
  firstBackwardUpdate<Rule>(rule, load<usize>(first, WEIGHTS), load<usize>(first, DELTAS), touchedRowsEnd, B, I, P);
}
