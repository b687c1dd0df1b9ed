import { describe, expect, it } from 'vitest';
import type { NumberEvaluation } from '../../src/contract/evaluation.ts';
import type { EvaluationRows } from '../../src/contract/evaluation-rows.ts';
import type { PredictionList } from '../../src/contract/prediction.ts';
import { Installation } from './installation.ts';

/** A job that predicts a number, in real processes. */

const SPEC = {
  dataset: 'sine',
  model: { hidden_units: [64, 32] },
  optimizer: { type: 'adam', learning_rate: 0.003 },
  training: { epochs: 10, batch_size: 64 },
};

describe('a job that predicts a number', () => {
  it.each(['auto', 'tensorflow'])('is trained, measured and asked: %s', async (engine) => {
    const descent = await Installation.start();
    const { id, spec } = await descent.create({ ...SPEC, loss: 'huber', engine });
    expect(spec.loss).toBe('huber');
    await descent.toEnd(id);
    const { status, error, latest, result } = await descent.job(id);
    expect({ status, error }).toEqual({ status: 'succeeded', error: null });
    const { mae } = result!.test;
    expect(mae).toBeLessThan(0.15);
    expect(result).toMatchObject({
      train: { accuracy: null, mae: latest!.mae },
      validation: { accuracy: null, mae: latest!.val_mae },
      best: { val_accuracy: null, val_mae: { value: expect.any(Number) } },
    });
    const evaluation = (await (await descent.fetch(`/jobs/${id}/evaluation`)).json()) as NumberEvaluation;
    expect(evaluation).toMatchObject({ task: 'regression', mae });
    expect(evaluation.r2).toBeGreaterThan(0.9);
    const { loss: _, ...worst } = evaluation.worst_rows[0]!;
    const rows = await descent.fetch(`/jobs/${id}/evaluation/rows?from=${worst.index}&limit=1`);
    expect(((await rows.json()) as EvaluationRows).data).toEqual([worst]);
    const answer = (await (
      await descent.fetch(`/jobs/${id}/predict`, {
        method: 'POST',
        headers: { 'content-type': 'text/csv' },
        body: '-0.5\n0\n0.5\n',
      })
    ).json()) as Extract<PredictionList, { task: 'regression' }>;
    // One period and a half from -1 to 1.
    const expected = [-0.5, 0, 0.5].map((x) => Math.sin(1.5 * Math.PI * x));
    for (const [i, { value }] of answer.data.entries())
      expect(Math.abs(value - expected[i]!)).toBeLessThan(0.3);
  });

  it('that diverges says what usually helps', async () => {
    const descent = await Installation.start();
    const { id } = await descent.create({ ...SPEC, optimizer: { type: 'sgd', learning_rate: 10 } });
    await descent.toEnd(id);
    expect((await descent.job(id)).error).toMatchObject({
      code: 'diverged',
      message: expect.stringContaining('A smaller learning_rate usually helps.'),
    });
  });
});
