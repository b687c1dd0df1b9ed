import { type Doctor, RATE_BORDERS } from '../../contract/doctor.ts';
import type { MetricsRow } from '../../contract/metrics-list.ts';
import type { StepRow } from '../../contract/step-row.ts';

/** Examples of how jobs learn: their metrics, and what the doctor says. */

export const METRICS_ROW: MetricsRow = {
  epoch: 1,
  step: 1500,
  loss: 0.2671,
  accuracy: 0.9217,
  val_loss: 0.1423,
  val_accuracy: 0.9579,
  mae: null,
  val_mae: null,
  learning_rate: 0.001,
  duration_seconds: 0.61,
  steps_per_second: 2450,
  seq: 3,
  created_at: '2026-11-22T10:00:01.022Z',
};

/** Of a job that predicts a number. */
export const NUMBER_METRICS_ROW: MetricsRow = {
  ...METRICS_ROW,
  accuracy: null,
  val_accuracy: null,
  mae: 3.412,
  val_mae: 3.377,
};

export const STEP_ROW: StepRow = {
  epoch: 1,
  step: 30,
  loss: 0.9312,
  accuracy: 0.75,
  mae: null,
  gradient_norm: 1.274,
};

const layer = (units: number, gradient_norm: number, update_ratio: number, dead_units: number | null) => ({
  units,
  gradient_norm,
  update_ratio,
  dead_units,
});

export const DOCTOR: Doctor = {
  object: 'doctor',
  status: 'running',
  terminal: false,
  rate_borders: [...RATE_BORDERS],
  epochs: [
    {
      epoch: 6,
      layers: [layer(128, 0.41, -2.9, 3), layer(64, 0.52, -2.7, 0), layer(10, 0.38, -2.4, null)],
    },
  ],
  effective_rates: null,
  verdicts: [
    {
      rule: 'overfitting',
      epoch: 6,
      layer: null,
      detail:
        'Since epoch 4 the loss falls and val_loss does not: the model learns its train rows by heart. Use early_stopping, dropout, l2 or more data.',
      figures: { since_epoch: 4, lowest_val_loss: 0.0981, val_loss: 0.1042 },
    },
  ],
};
