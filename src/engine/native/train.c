/**
 * The parts of a training step, in the order of ../reference/reference.ts. Their loops are in the headers.
 *
 * The build compiles this file once for each vector width, with the instruction sets of that width. Only the table at
 * the end is visible outside.
 */

#include "activations.h"
#include "dense-layer.h"
#include "dropout.h"
#include "epoch-end.h"
#include "first-layer.h"
#include "kernel.h"
#include "nonzeros.h"
#include "norms.h"
#include "number-loss.h"
#include "optimizers.h"
#include "penalty.h"
#include "softmax-loss.h"

INLINE bool predictsNumber(const uint8_t *memory) {
  return getU32(memory, LOSS) != LOSS_CATEGORICAL_CROSSENTROPY;
}

/**
 * Rows to losses, predictions and probabilities, or errors; these go into the deltas of the last layer.
 * starts: (R + 1), from packRows(); targets: (R), rows: (B), row numbers.
 * training: apply dropout, if the model has any.
 */
static void measure(
  uint8_t *memory, const uint32_t *starts, const void *targets, const uint32_t *rows, uint32_t B, bool training
) {
  const bool hasDropout = training && getU32(memory, HAS_DROPOUT) != 0;
  const uint32_t layers = getU32(memory, LAYERS);
  const float *x = NULL;
  for (uint32_t l = 0; l < layers; l += 1) {
    const Layer layer = layerAt(memory, l);
    if (l == 0) {
      firstForward(memory, layer.out, layer.W, starts, rows, B, layer.I, layer.P);
    } else {
      denseForward(memory, layer.out, x, layer.W, B, layer.I, layer.P);
    }
    x = layer.out;
    if (l + 1 == layers) break;
    activate(memory, layer.out, layer.slopes, B, layer.O);
    if (!hasDropout) continue;
    x = layer.kept;
    applyDropout(memory, layer.kept, layer.out, l, B, layer.O);
  }
  const Layer last = layerAt(memory, layers - 1);
  if (predictsNumber(memory)) numberLossForward(memory, last.dz, x, targets, rows, B);
  else softmaxLossForward(memory, last.dz, x, targets, rows, B, last.O);
}

/**
 * Computes gradients from the deltas and updates the weights, from the last layer to the first. A layer is updated as
 * soon as the deltas below it are computed, since nothing else needs its old weights. rows: (B), row numbers.
 */
INLINE void backwardUpdate(uint32_t rule, uint8_t *memory, const uint32_t *rows, uint32_t B) {
  const Hyper hyper = hyperParameters(memory);
  for (uint32_t l = getU32(memory, LAYERS) - 1; l > 0; l -= 1) {
    const Layer layer = layerAt(memory, l);
    const Layer below = layerAt(memory, l - 1);
    denseBackwardInputs(memory, below.dz, layer.dz, layer.W, region(memory, TRANSPOSED), B, layer.I, layer.O);
    if (getU32(memory, HAS_DROPOUT)) applyDropout(memory, below.dz, below.dz, l - 1, B, layer.I);
    activateBackward(memory, below.dz, below.out, below.slopes, B, below.P);
    denseBackwardUpdate(rule, &hyper, memory, layer.W, below.kept, layer.dz, B, layer.I, layer.P);
  }
  const Layer first = layerAt(memory, 0);
  const TouchedRow *touchedRowsEnd =
    sortItems(memory, region(memory, ROW_STARTS), rows, B, first.I, getU32(memory, EPOCH_STEP));
  setU32(memory, TOUCHED_ROWS_END, (uint32_t)((const uint8_t *)touchedRowsEnd - memory));
  firstBackwardUpdate(rule, &hyper, memory, first.W, first.dz, touchedRowsEnd, B, first.I, first.P);
}

/** The step of a job whose gradients and weights need no preparation. */
static void plainUpdate(uint8_t *memory, const uint32_t *rows, uint32_t B) {
  switch (getU32(memory, RULE)) {
    case RULE_RMSPROP: backwardUpdate(RULE_RMSPROP, memory, rows, B); break;
    case RULE_RMSPROP_GENERAL: backwardUpdate(RULE_RMSPROP_GENERAL, memory, rows, B); break;
    case RULE_SGD: backwardUpdate(RULE_SGD, memory, rows, B); break;
    case RULE_SGD_MOMENTUM: backwardUpdate(RULE_SGD_MOMENTUM, memory, rows, B); break;
    case RULE_ADAGRAD: backwardUpdate(RULE_ADAGRAD, memory, rows, B); break;
    case RULE_ADAM: backwardUpdate(RULE_ADAM, memory, rows, B); break;
    case RULE_NADAM: backwardUpdate(RULE_NADAM, memory, rows, B); break;
    case RULE_ADAMAX: backwardUpdate(RULE_ADAMAX, memory, rows, B); break;
    case RULE_ADADELTA: backwardUpdate(RULE_ADADELTA, memory, rows, B); break;
    case RULE_LION: backwardUpdate(RULE_LION, memory, rows, B); break;
    default: __builtin_trap();
  }
}

/**
 * One optimizer step. rows: (B), row numbers, followed by those of the next batch: (nextB).
 * False = the loss or a norm is not finite, and no weight has changed.
 */
static bool step(uint8_t *memory, const uint32_t *rows, uint32_t B, uint32_t nextB) {
  const uint32_t *starts = region(memory, ROW_STARTS);
  const uint32_t *targets = region(memory, TARGETS);
  touchPlaces(starts, targets, rows, B, nextB);
  measure(memory, starts, targets, rows, B, true);
  const float *losses = region(memory, LOSSES);
  const uint32_t *predicted = region(memory, PREDICTED);
  const Layer last = layerAt(memory, getU32(memory, LAYERS) - 1);
  const bool isNumber = predictsNumber(memory);
  double lossSum = 0;
  double absoluteError = 0;
  uint32_t correct = 0;
  for (uint32_t r = 0; r < B; r += 1) {
    const uint32_t y = targets[rows[r]];
    lossSum += isNumber ? losses[r] : losses[r] * classWeight(memory, y);
    if (isNumber) absoluteError += magnitude(last.dz[r * PANEL_COLUMNS]);
    else correct += predicted[r] == y;
  }
  if (getU32(memory, HAS_PENALTY)) lossSum += B * penalty(memory);
  if (!(__builtin_fabs(lossSum) < __builtin_inf())) return false;
  setF64(memory, LOSS_SUM, getF64(memory, LOSS_SUM) + lossSum);
  setF64(memory, ABSOLUTE_ERROR, getF64(memory, ABSOLUTE_ERROR) + absoluteError);
  setU32(memory, CORRECT, getU32(memory, CORRECT) + correct);
  setU32(memory, EPOCH_STEP, getU32(memory, EPOCH_STEP) + 1);

  touchRows(memory, starts, rows + B, nextB);
  if (isNumber) numberLossBackward(memory, last.dz, B);
  else softmaxLossBackward(memory, last.dz, targets, rows, B, last.O);
  const bool storesGradients = getU32(memory, CLIPS_BY_NORM) || getU32(memory, MEASURES);
  if (storesGradients) {
    backwardUpdate(RULE_KEEP, memory, rows, B);
    if (!scaleGradients(memory, region(memory, TOUCHED_ROWS_END))) return false;
  }
  beginStep(memory);
  if (storesGradients) applyUpdates(memory);
  else if (getU32(memory, PREPARES)) backwardUpdate(RULE_PREPARED, memory, rows, B);
  else plainUpdate(memory, rows, B);
  setU32(memory, JOB_STEP, getU32(memory, JOB_STEP) + 1);
  return true;
}

/**
 * Trains `steps` batches of the order, starting with batch `from`. Returns how many were trained; fewer than `steps`
 * means that the loss of the next one is not finite.
 */
static uint32_t train(uint8_t *memory, uint32_t from, uint32_t steps) {
  const uint32_t batchSize = getU32(memory, BATCH_SIZE);
  const uint32_t *order = region(memory, ORDER);
  // The order has the batch after these, too, for touchRows().
  const uint32_t end = smaller(getU32(memory, EPOCH_ROWS), (from + steps + 1) * batchSize);
  const double *rates = region(memory, RATES);
  uint32_t row = from * batchSize;
  for (uint32_t s = 0; s < steps; s += 1) {
    setF64(memory, RATE, rates[from + s]);
    setF32(memory, LEARNING_RATE, (float)rates[from + s]);
    const uint32_t B = smaller(batchSize, end - row);
    if (!step(memory, order + row, B, smaller(batchSize, end - row - B))) return s;
    row += B;
  }
  return steps;
}

#define JOIN(a, b) a##b
#define TABLE(width) JOIN(kernel, width)

const Kernel TABLE(WIDTH) = {train, measure, packRows, settleRows, allFinite, denormalsAreAlive};
