import type { DataShape } from '../contract/data-shape.ts';
import type { EpochHealth, Verdict } from '../contract/doctor.ts';
import type { JobSpec } from '../contract/job-spec.ts';
import { log } from '../engine/reference/exp-log.ts';
import type { EpochResult } from './epoch-result.ts';

/**
 * The rules by which the doctor judges a training at the end of an epoch. They are functions of the history and of the
 * figures of the layers, so that a resumed job comes to the same verdicts. Each is given once.
 */

export interface Patient {
  readonly spec: JobSpec;
  readonly data: DataShape;
  /** The rows of epochs 1 .. k; k >= 1. */
  readonly history: readonly EpochResult[];
  /** The figures of the same epochs; fewer for a job that an older version has begun. */
  readonly epochs: readonly EpochHealth[];
  readonly given: readonly Verdict[];
}

type Rule = Verdict['rule'];
type Found = Pick<Verdict, 'detail' | 'figures'> & { layer?: number };

/** log10(mean |change| / mean |weight|) of a step: outside of these it is worth a word. */
const HIGH_RATIO = -2;
const LOW_RATIO = -4;
/** The share of a layer's units. */
const DEAD_SHARE = 0.9;
/** How close to ln(classes) a loss counts as that of guessing. */
const NEAR_GUESSING = 0.01;
/** A loss that falls by this share in an epoch is not stuck, however high it is. */
const FALLING = 0.1;
const OVERFITTING_EPOCHS = 3;
const OVERFITTING_RISE = 1.05;
const DONE_EPOCHS = 5;
const DONE_GAIN = 0.01;

const RULES: { readonly [Name in Rule]: (patient: Patient) => Found | undefined } = {
  stuck,
  diverging,
  dead_layer: deadLayer,
  rate_too_high: rateTooHigh,
  rate_too_low: rateTooLow,
  overfitting,
  done_early: doneEarly,
};

/** The verdicts that hold now and were not given before. */
export function newVerdicts(patient: Patient): Verdict[] {
  const { epoch } = patient.history.at(-1)!;
  const verdicts: Verdict[] = [];
  for (const rule of Object.keys(RULES) as Rule[]) {
    const given = [...patient.given, ...verdicts];
    if (isGiven(given, rule)) continue;
    const found = RULES[rule]({ ...patient, given });
    if (found === undefined) continue;
    const { layer = null, ...rest } = found;
    verdicts.push({ rule, epoch, layer, ...rest });
  }
  return verdicts;
}

const isGiven = (given: readonly Verdict[], ...rules: readonly Rule[]): boolean =>
  given.some(({ rule }) => rules.includes(rule));

/** Of a training that ended because a number was no longer finite. */
export const divergedVerdict = (epoch: number, step: number): Verdict => ({
  rule: 'diverging',
  epoch,
  layer: null,
  detail:
    'A loss, a gradient or a weight was no longer a finite number. A smaller learning_rate usually helps.',
  figures: { step },
});

/** At the loss of guessing, or above it; but a rate that is too low has a verdict of its own. */
function stuck({ data, spec, history, epochs }: Patient): Found | undefined {
  const { classes } = data;
  const isPlain = spec.training.class_weight === null && spec.model.l1 === 0 && spec.model.l2 === 0;
  if (classes === null || !isPlain || history.length < 2) return undefined;
  const guessing = log(data.outputs);
  const [before, now] = history.slice(-2).map(({ loss }) => loss) as [number, number];
  const isNoBetter = (loss: number) => loss >= (1 - NEAR_GUESSING) * guessing;
  if (!isNoBetter(before) || !isNoBetter(now) || now < (1 - FALLING) * before) return undefined;
  const isAt = now <= (1 + NEAR_GUESSING) * guessing;
  if (!isAt && highestLowRatio(epochs) !== undefined) return undefined;
  return {
    detail: isAt
      ? `The loss stays at ln(${data.outputs}), that of guessing. Check the data, or try another learning_rate, activation or initializer.`
      : `The loss stays above ln(${data.outputs}), that of guessing. A smaller learning_rate usually helps.`,
    figures: { loss: now, guessing },
  };
}

function diverging({ history }: Patient): Found | undefined {
  const { loss } = history.at(-1)!;
  const lowest = lowestOf(history, 'loss')!;
  if (loss <= 2 * lowest.value || loss <= history[0]!.loss) return undefined;
  return {
    detail: `The loss is more than twice as high as in epoch ${lowest.epoch}, and higher than in the first. A smaller learning_rate usually helps.`,
    figures: { loss, lowest: lowest.value, lowest_epoch: lowest.epoch },
  };
}

function deadLayer({ spec, epochs }: Patient): Found | undefined {
  const latest = epochs.slice(-2);
  if (latest.length < 2) return undefined;
  for (const [l, units] of spec.model.hidden_units.entries()) {
    const dead = latest.map(({ layers }) => layers[l]?.dead_units ?? 0);
    if (dead.some((count) => count < DEAD_SHARE * units)) continue;
    return {
      layer: l + 1,
      detail: `Of the ${units} units of layer ${l + 1}, ${dead[1]} fire for no row. They learn nothing more: a smaller learning_rate, kernel_initializer he_uniform or activation leaky_relu usually helps.`,
      figures: { dead_units: dead[1]!, units },
    };
  }
  return undefined;
}

function rateTooHigh({ epochs }: Patient): Found | undefined {
  const [before, now] = epochs.slice(-2);
  if (before === undefined || now === undefined) return undefined;
  for (const [l, { update_ratio: ratio }] of now.layers.entries()) {
    const earlier = before.layers[l]?.update_ratio ?? null;
    if (ratio === null || earlier === null || ratio <= HIGH_RATIO || earlier <= HIGH_RATIO) continue;
    return {
      layer: l + 1,
      detail: `A step changes the weights of layer ${l + 1} by more than a hundredth. A smaller learning_rate usually learns more.`,
      figures: { update_ratio: ratio, most: HIGH_RATIO },
    };
  }
  return undefined;
}

/** Not where the rate falls by itself, where little is left to learn, and where units learn nothing at any rate. */
function rateTooLow({ spec, history, epochs, given }: Patient): Found | undefined {
  const latest = epochs.slice(-2);
  const { loss, learning_rate } = history.at(-1)!;
  const first = history[0]!;
  const isReduced = typeof spec.optimizer.learning_rate !== 'number' || learning_rate < first.learning_rate;
  if (latest.length < 2 || isReduced || loss < first.loss / 2) return undefined;
  if (isGiven(given, 'dead_layer')) return undefined;
  const highest = highestLowRatio(epochs);
  if (highest === undefined) return undefined;
  return {
    detail:
      'A step changes the weights of no layer by a ten-thousandth, and most is still to learn. A larger learning_rate usually learns faster.',
    figures: { update_ratio: highest, least: LOW_RATIO },
  };
}

/** The highest ratio of the last two epochs, if that is low; undefined otherwise. */
function highestLowRatio(epochs: readonly EpochHealth[]): number | undefined {
  const ratios = epochs.slice(-2).flatMap(({ layers }) => layers.map(({ update_ratio }) => update_ratio));
  const known = ratios.filter((ratio) => ratio !== null);
  return known.length === 0 || known.some((ratio) => ratio >= LOW_RATIO) ? undefined : Math.max(...known);
}

/** Not where it has learned nothing. */
function overfitting({ history, given }: Patient): Found | undefined {
  const { epoch, loss, val_loss } = history.at(-1)!;
  if (isGiven(given, 'stuck')) return undefined;
  const best = lowestOf(history, 'val_loss');
  if (best === undefined || val_loss === null || epoch - best.epoch < OVERFITTING_EPOCHS) return undefined;
  const then = history[best.epoch - 1]!;
  if (val_loss < OVERFITTING_RISE * best.value || loss >= then.loss) return undefined;
  return {
    detail: `Since epoch ${best.epoch + 1} the loss falls and val_loss does not: the model learns its train rows by heart. Use early_stopping, dropout, l2 or more data.`,
    figures: { since_epoch: best.epoch + 1, lowest_val_loss: best.value, val_loss },
  };
}

function doneEarly(patient: Patient): Found | undefined {
  const { history, given } = patient;
  const { epoch, val_loss } = history.at(-1)!;
  if (epoch <= DONE_EPOCHS || isGiven(given, 'overfitting', 'stuck')) return undefined;
  const measure = val_loss === null ? 'loss' : 'val_loss';
  const earlier = lowestOf(history.slice(0, -DONE_EPOCHS), measure);
  const later = lowestOf(history.slice(-DONE_EPOCHS), measure)!;
  if (earlier === undefined || later.value < (1 - DONE_GAIN) * earlier.value) return undefined;
  // Rising again is another matter, with a verdict of its own.
  if (later.value > OVERFITTING_RISE * earlier.value || overfitting(patient) !== undefined) return undefined;
  return {
    detail: `The last ${DONE_EPOCHS} epochs made ${measure} no better by a hundredth than it was in epoch ${earlier.epoch}. Fewer epochs or early_stopping save time.`,
    figures: { epoch: earlier.epoch, lowest: earlier.value, lowest_since: later.value },
  };
}

/** The lowest value and its epoch, the first of equal ones; undefined where no row has one. */
function lowestOf(
  history: readonly EpochResult[],
  measure: 'loss' | 'val_loss',
): { epoch: number; value: number } | undefined {
  let lowest: { epoch: number; value: number } | undefined;
  for (const row of history) {
    const value = row[measure];
    if (value !== null && (lowest === undefined || value < lowest.value))
      lowest = { epoch: row.epoch, value };
  }
  return lowest;
}
