import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { Installation } from '../end-to-end/installation.ts';

/** Keras 3.15, 20 runs: mean loss and val_loss at some epochs. Ours must be close to them. */
const KERAS = [
  { epoch: 2, loss: 0.117, val_loss: 0.1143 },
  { epoch: 5, loss: 0.0537, val_loss: 0.1069 },
  { epoch: 10, loss: 0.023, val_loss: 0.1326 },
];

const documented = (name: string): string =>
  new RegExp(`\`${name}\` of \`{}\` \\| \`([0-9a-f]{64})\``).exec(readFileSync('README.md', 'utf8'))![1];

it.each(['auto', 'wasm', 'reference', 'tensorflow'])(
  '{} is the reference run with engine %s: accuracy, curve, and the bits of README (other bits for tensorflow)',
  async (engine) => {
    const descent = await Installation.start();
    const { id } = await descent.create(engine === 'auto' ? {} : { engine });
    const events = await descent.toEnd(id);
    const { status, result, error } = await descent.job(id);
    expect(error).toBeNull();
    expect(status).toBe('succeeded');
    expect(result!.test.accuracy).toBeGreaterThanOrEqual(0.97);
    const bits = (name: string) =>
      engine === 'tensorflow' ? expect.not.stringContaining(documented(name)) : documented(name);
    expect(result!.weights_sha256).toEqual(bits('weights_sha256'));
    expect(result!.metrics_sha256).toEqual(bits('metrics_sha256'));
    const rows = events.flatMap((event) => (event.type === 'job.epoch' ? [event.data] : []));
    for (const { epoch, loss, val_loss } of KERAS) {
      expect(Math.abs(rows[epoch - 1].loss - loss)).toBeLessThan(0.01);
      expect(Math.abs(rows[epoch - 1].val_loss! - val_loss)).toBeLessThan(0.03);
    }
    console.log(
      `reference run, engine ${engine}: ${result!.duration_seconds} s, test accuracy ${result!.test.accuracy}`,
    );
  },
);
