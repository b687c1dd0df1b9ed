import { expect, it } from 'vitest';
import { openView } from '../../src/cli/view.ts';
import type { Job, JobEvent } from '../../src/client/descent.ts';

const NONE = { eta_seconds: null, steps_per_second: null };
const JOB = {
  progress: { epoch: 0, epochs: 2, step: 0, steps: 400, fraction: 0, ...NONE },
  latest: null,
} as Job;
const METRICS = { loss: 0.25, accuracy: 0.9, val_loss: null, val_accuracy: null };

const EVENTS = [
  { type: 'job.running', data: { engine: 'native', from_epoch: 0 } },
  { type: 'job.progress', data: { ...JOB.progress, step: 100, fraction: 0.25, eta_seconds: 75 } },
  { type: 'job.epoch', data: { ...METRICS, epoch: 1, step: 200, steps_per_second: 100 } },
  { type: 'reset', data: { last_seq: 3 } },
  { type: 'job.failed', data: { error: { code: 'diverged', message: 'NaN\u001b[2J', retryable: false } } },
] as JobEvent[];

function show(terminal: { isTTY?: boolean; columns?: number }): string {
  let text = '';
  const view = openView({ ...terminal, write: (part) => (text += part) }, JOB);
  for (const event of EVENTS) view.show(event);
  return text;
}

it('on a terminal, one line moves and never wraps', () => {
  const drawn = show({ isTTY: true, columns: 60 }).split('\r\u001b[K');
  expect(drawn).toEqual([
    '',
    '[------------------------]  running  epoch 0/2  0 %',
    '[######------------------]  running  epoch 0/2  25 %  eta 1',
    '[############------------]  running  epoch 1/2  50 %  eta 2',
    'The server lost its latest events; the job starts again from what it has.\n',
    '[############------------]  running  epoch 1/2  50 %  eta 2',
    'failed (diverged): NaN\\u001b[2J\n',
  ]);
  expect(show({ isTTY: true, columns: 200 })).toContain('25 %  eta 1 min 15 s\r');
  expect(show({ isTTY: true })).toContain('50 %  eta 2 s  loss 0.2500  acc\r');
});

it('of a job that predicts a number, errors are shown instead of accuracies', () => {
  let text = '';
  const view = openView({ write: (part) => (text += part) }, JOB);
  const number = { loss: 0.25, accuracy: null, mae: 1.5, val_loss: 0.5, val_accuracy: null, val_mae: 2 };
  const result = { test: { loss: 0.125, accuracy: null, mae: 1.25 } };
  for (const event of [
    { type: 'job.epoch', data: { ...number, epoch: 1, step: 200, steps_per_second: 100 } },
    { type: 'job.succeeded', data: { result } },
  ]) {
    view.show(event as JobEvent);
  }
  expect(text).toBe(
    'epoch 1/2  loss 0.2500  mae 1.5000  val_loss 0.5000  val_mae 2.0000\nsucceeded: test mae 1.2500, loss 0.1250\n',
  );
});

it('elsewhere, each event is a line', () => {
  expect(show({})).toBe(
    [
      'running on native',
      'epoch 1/2  loss 0.2500  accuracy 0.9000',
      'The server lost its latest events; the job starts again from what it has.',
      'failed (diverged): NaN\\u001b[2J',
      '',
    ].join('\n'),
  );
});
