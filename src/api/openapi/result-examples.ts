import type { Comparison } from '../../contract/comparison.ts';
import type { Evaluation } from '../../contract/evaluation.ts';
import type { EvaluationRows } from '../../contract/evaluation-rows.ts';
import { ID } from './examples.ts';

/** Examples of what comes out of jobs: evaluations and comparisons. */

export const EVALUATION: Evaluation = {
  object: 'evaluation',
  task: 'classification',
  rows: 4,
  loss: 0.35,
  accuracy: 0.75,
  confusion_matrix: [
    [2, 0],
    [1, 1],
  ],
  classes: [
    { label: '0', precision: 0.6667, recall: 1, f1: 0.8, support: 2 },
    { label: '1', precision: 1, recall: 0.5, f1: 0.6667, support: 2 },
  ],
  worst_mistakes: [{ index: 2, label: '1', predicted: '0', probability: 0.71, loss: 1.24 }],
};

/** Residuals are as those of two bins, to be short. */
export const NUMBER_EVALUATION: Evaluation = {
  object: 'evaluation',
  task: 'regression',
  rows: 4,
  loss: 0.0312,
  mae: 1.25,
  rmse: 1.6583,
  r2: 0.9688,
  residuals: { edges: [-1, 1, 3], counts: [3, 1] },
  worst_rows: [{ index: 2, actual: 24, predicted: 21, loss: 0.1022 }],
};

const NINES = `/jobs/${ID}/evaluation/rows`;

export const EVALUATION_ROWS: EvaluationRows = {
  object: 'list',
  data: [
    { index: 115, actual: '4', predicted: '9' },
    { index: 247, actual: '4', predicted: '9' },
  ],
  total: 2,
  next: null,
  links: {
    self: `${NINES}?actual=4&predicted=9`,
    images: `${NINES}.png?actual=4&predicted=9`,
  },
};

const OTHER_ID = 'job_01KAXW3Q2M5N6P7Q8R9S0T1V2X';

export const COMPARISON: Comparison = {
  object: 'comparison',
  jobs: [
    {
      id: ID,
      name: 'rmsprop',
      status: 'succeeded',
      test_loss: 0.11,
      test_accuracy: 0.97,
      test_mae: null,
      duration_seconds: 6.5,
    },
    {
      id: OTHER_ID,
      name: 'sgd',
      status: 'running',
      test_loss: null,
      test_accuracy: null,
      test_mae: null,
      duration_seconds: null,
    },
  ],
  different: { 'optimizer.type': ['rmsprop', 'sgd'], 'optimizer.rho': [0.9, null] },
  same: { dataset: 'mnist', 'training.epochs': 10 },
  epochs: [1],
  curves: {
    loss: [[0.2671, 0.9312]],
    accuracy: [[0.9217, 0.7511]],
    val_loss: [[0.1423, 0.4671]],
    val_accuracy: [[0.9579, 0.8802]],
    mae: [[null, null]],
    val_mae: [[null, null]],
  },
  order: {
    test_accuracy: [ID],
    test_loss: [ID],
    test_mae: [],
    val_loss: [ID, OTHER_ID],
    duration_seconds: [ID],
  },
};
