import { describe, expect, it } from 'vitest';
import { type ClassEvaluation, EvaluationSchema } from '../../src/contract/evaluation.ts';
import type { Dataset } from '../../src/dataset/prepared.ts';
import { type Engine, noTotals } from '../../src/engine/engine.ts';
import { type EvaluateYield, evaluate } from '../../src/training/evaluate.ts';
import { imagesOf, inMemory, loadSmallDataset, makeEngine, runJob, smallSpec } from './small-job.ts';

const mnist = await loadSmallDataset();

function run(dataset: Dataset, engine: Engine, pull: () => number | undefined = () => 1000) {
  const slices = evaluate({ dataset, engine });
  const yields: EvaluateYield[] = [];
  for (;;) {
    const next = slices.next(pull());
    if (next.done) return { yields, outcome: next.value };
    yields.push(next.value);
  }
}

function evaluationOf(dataset: Dataset, engine: Engine): ClassEvaluation {
  const { outcome } = run(dataset, engine);
  if (outcome.outcome !== 'evaluated') throw new Error(outcome.outcome);
  if (outcome.evaluation.task === 'regression') throw new Error('it is of numbers');
  return outcome.evaluation;
}

/**
 * A model without hidden layers that reads the class from the pixels: pixel c has the weight 10 for class c, so an
 * image with one lit pixel is predicted as that class. The brighter the pixel, the higher the probability.
 */
function readingModel() {
  const spec = smallSpec({ model: { hidden_units: [] } });
  const engine = makeEngine(spec, mnist);
  const { weights, ...state } = engine.state();
  weights.fill(0);
  for (let c = 0; c < 10; c += 1) weights[c * 10 + c] = 10;
  engine.restore({ weights, ...state });
  return engine;
}

/** A dataset with test rows [true class, lit pixel = predicted class, brightness]. */
function shown(rows: readonly (readonly [number, number, number])[]): Dataset {
  const images = new Uint8Array(rows.length * 784);
  rows.forEach(([, seen, brightness], row) => {
    images[row * 784 + seen] = brightness;
  });
  const labels = Uint16Array.from(rows, ([label]) => label);
  return { ...mnist, test: inMemory(images, labels) };
}

describe('evaluate', () => {
  it('counts the predictions for each class', () => {
    const evaluation = evaluationOf(
      shown([
        [0, 0, 255],
        [0, 0, 255],
        [0, 1, 255],
        [1, 1, 255],
        [1, 2, 100],
        [2, 1, 200],
      ]),
      readingModel(),
    );
    expect(EvaluationSchema.parse(evaluation)).toEqual(evaluation);
    expect(evaluation.rows).toBe(6);
    expect(evaluation.accuracy).toBe(0.5);
    expect(evaluation.confusion_matrix.slice(0, 3).map((row) => row.slice(0, 3))).toEqual([
      [2, 1, 0],
      [0, 1, 1],
      [0, 1, 0],
    ]);
    // Class 0: 2 of 2 predictions right, 2 of 3 rows found. Class 1: 1 of 3, 1 of 2. Class 2: none. 3 .. 9: no rows.
    expect(evaluation.classes.slice(0, 4)).toEqual([
      { label: '0', precision: 1, recall: 2 / 3, f1: expect.closeTo(0.8, 12), support: 3 },
      { label: '1', precision: 1 / 3, recall: 1 / 2, f1: expect.closeTo(0.4, 12), support: 2 },
      { label: '2', precision: 0, recall: 0, f1: 0, support: 1 },
      { label: '3', precision: 0, recall: 0, f1: 0, support: 0 },
    ]);
  });

  it('lists the mistakes with loss and probability, worst first', () => {
    const evaluation = evaluationOf(
      shown([
        [0, 0, 255],
        [1, 2, 100],
        [0, 1, 255],
        [2, 1, 200],
        [3, 4, 200],
      ]),
      readingModel(),
    );
    // One logit z = 10 * brightness / 255 and nine of 0. Loss of a mistake: log(e^z + 9); of a correct row: z less.
    const loss = (brightness: number) => Math.log(Math.exp((10 * brightness) / 255) + 9);
    const mistake = (index: number, label: string, predicted: string, brightness: number) => ({
      index,
      label,
      predicted,
      probability: expect.closeTo(Math.exp((10 * brightness) / 255 - loss(brightness)), 6),
      loss: expect.closeTo(loss(brightness), 5),
    });
    expect(evaluation.worst_mistakes).toEqual([
      mistake(2, '0', '1', 255),
      mistake(3, '2', '1', 200),
      mistake(4, '3', '4', 200),
      mistake(1, '1', '2', 100),
    ]);
    const sum = loss(255) - 10 + loss(100) + loss(255) + loss(200) + loss(200);
    expect(evaluation.loss).toBeCloseTo(sum / 5, 5);
  });

  it('keeps the 20 worst mistakes', () => {
    const rows = Array.from({ length: 50 }, (_, row) => [0, 1, 50 + ((row * 7) % 50)] as const);
    const { worst_mistakes } = evaluationOf(shown(rows), readingModel());
    expect(worst_mistakes).toHaveLength(20);
    const brightnesses = worst_mistakes.map(({ index }) => rows[index][2]);
    expect(brightnesses).toEqual(Array.from({ length: 20 }, (_, rank) => 99 - rank));
  });

  it('agrees with the engine on real digits, however the work is sliced', () => {
    const { engine } = runJob(smallSpec(), mnist);
    const totals = noTotals();
    engine.evaluate(imagesOf(mnist.test), mnist.test.targets, 0, 100, totals);
    const whole = run(mnist, engine);
    expect(whole.outcome).toMatchObject({
      outcome: 'evaluated',
      evaluation: { loss: totals.lossSum / 100, accuracy: totals.correct / 100 },
    });
    expect(whole.yields.map(({ row }) => row)).toEqual([32, 100]);
    const cut = run(mnist, engine, () => undefined);
    expect(cut.yields.map(({ row }) => row)).toEqual([32, 64, 96, 100]);
    expect(cut.outcome).toEqual(whole.outcome);
  });

  it('reports divergence when a loss is not finite', () => {
    const engine = readingModel();
    const { weights, ...state } = engine.state();
    engine.restore({ ...state, weights: weights.fill(3e38, 10, 20).fill(-3e38, 20, 30) });
    const image = new Uint8Array(784).fill(255, 1, 3);
    const dataset = { ...mnist, test: inMemory(image, Uint16Array.of(0)) };
    expect(run(dataset, engine).outcome).toMatchObject({ outcome: 'evaluated' });
    engine.restore({ ...state, weights: weights.fill(3e38, 10, 30) });
    expect(run(dataset, engine).outcome).toEqual({ outcome: 'diverged' });
  });
});
