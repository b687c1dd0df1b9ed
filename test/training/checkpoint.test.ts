import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type JobSpec, JobSpecSchema } from '../../src/contract/job-spec.ts';
import {
  type Checkpoint,
  CheckpointError,
  decodeCheckpoint,
  encodeCheckpoint,
} from '../../src/training/checkpoint.ts';
import type { JobInput } from '../../src/training/job-engine.ts';
import { OPTIMIZERS } from '../engine/small-problem.ts';
import { loadSmallDataset, runJob, smallSpec } from './small-job.ts';

const dataset = await loadSmallDataset();

/** The checkpoint after epoch 2 of a job. */
function makeCheckpoint(spec: JobSpec): Checkpoint {
  return runJob(spec, dataset).checkpoints[1];
}

const spec = smallSpec({ model: { hidden_units: [1] }, optimizer: { type: 'adam' } });
const checkpoint = makeCheckpoint(spec);
const data = dataset.shape;
const job = { spec, data };
const bytes = encodeCheckpoint(checkpoint, job);

/** Updates the SHA-256 of changed bytes, so that tests reach the checks that come after it. */
function seal(changed: Uint8Array): Uint8Array {
  const sealed = new Uint8Array(changed);
  sealed.set(createHash('sha256').update(sealed.subarray(0, -32)).digest(), sealed.length - 32);
  return sealed;
}

/** The same file with another JSON header. */
function withHeader(change: (header: string) => string): Uint8Array {
  const file = Buffer.from(bytes);
  const length = file.readUInt32LE(8);
  const header = Buffer.from(change(file.toString('utf8', 12, 12 + length)));
  const lengthBytes = Buffer.alloc(4);
  lengthBytes.writeUInt32LE(header.length);
  return seal(Buffer.concat([file.subarray(0, 8), lengthBytes, header, file.subarray(12 + length)]));
}

function codeOf(changed: Uint8Array, given: JobInput = job): string {
  try {
    decodeCheckpoint(changed, given);
    return 'decoded';
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    return error.code;
  }
}

describe('a checkpoint', () => {
  it.each(Object.entries(OPTIMIZERS))('decodes to what was encoded, with %s', (_, optimizer) => {
    const given = smallSpec({ optimizer, training: { epochs: 2 } });
    const written = makeCheckpoint(given);
    expect(decodeCheckpoint(encodeCheckpoint(written, { spec: given, data }), { spec: given, data })).toEqual(
      written,
    );
  });

  it('decodes from the middle of a larger buffer, at any offset', () => {
    for (const offset of [1, 2, 4]) {
      const shifted = new Uint8Array(bytes.length + offset);
      shifted.set(bytes, offset);
      expect(decodeCheckpoint(shifted.subarray(offset), job)).toEqual(checkpoint);
    }
  });

  it('is accepted if an older version wrote its history, without errors of numbers', () => {
    const history = checkpoint.history.map(({ mae: _, val_mae: __, ...row }) => row);
    const older = { ...checkpoint, history };
    expect(decodeCheckpoint(encodeCheckpoint(older, job), job)).toEqual(older);
  });

  it('keeps every bit, including those of -0 and of the smallest number', () => {
    const weights = checkpoint.state.weights.slice();
    weights.set([-0, 2 ** -149, 3.4028234663852886e38]);
    const special = { ...checkpoint, state: { ...checkpoint.state, weights } };
    expect(decodeCheckpoint(encodeCheckpoint(special, job), job).state.weights).toEqual(weights);
  });

  it.each<[string, JobSpec]>([
    ['seed', { ...spec, training: { ...spec.training, seed: 7 } }],
    ['shuffle', { ...spec, training: { ...spec.training, shuffle: false } }],
    ['optimizer', { ...spec, optimizer: { ...spec.optimizer, learning_rate: 0.002 } }],
    ['model', { ...spec, model: { ...spec.model, hidden_units: [2] } }],
    ['engine with other bits', { ...spec, engine: 'tensorflow' }],
    ['smaller number of epochs', { ...spec, training: { ...spec.training, epochs: 1 } }],
  ])('is refused for another %s', (_, other) => {
    expect(codeOf(bytes, { spec: other, data })).toBe('checkpoint_of_other_spec');
  });

  it('identifies its data by content, not by name', () => {
    expect(codeOf(bytes, { spec, data: { ...data, dataset: 'renamed' } })).toBe('decoded');
    expect(codeOf(bytes, { spec: { ...spec, dataset: 'mnist' }, data })).toBe('decoded');
    expect(codeOf(bytes, { spec, data: { ...data, sha256: '6'.repeat(64) } })).toBe(
      'checkpoint_of_other_spec',
    );
  });

  it('is refused for another schedule or reduction of the rate, and accepted for another early_stopping', () => {
    const { training } = spec;
    const other = (changes: object) => JobSpecSchema.parse({ ...spec, ...changes });
    const learning_rate = { type: 'cosine_decay', initial_learning_rate: 0.001, decay_steps: 9 };
    for (const changed of [
      other({ optimizer: { ...spec.optimizer, learning_rate } }),
      other({ training: { ...training, reduce_lr_on_plateau: {} } }),
    ]) {
      expect(codeOf(bytes, { spec: changed, data })).toBe('checkpoint_of_other_spec');
    }
    expect(codeOf(bytes, { spec: other({ training: { ...training, early_stopping: {} } }), data })).toBe(
      'decoded',
    );
  });

  it('holds the best weights, from the first best on, if the job restores them', () => {
    const training = { early_stopping: { restore_best_weights: true, start_from_epoch: 1 } } as object;
    const restoring = smallSpec({ model: { hidden_units: [1] }, training });
    const [first, second] = runJob(restoring, dataset).checkpoints;
    const its = { spec: restoring, data };
    expect(first).not.toHaveProperty('bestWeights');
    expect(second!.bestWeights).toEqual(second!.state.weights);
    for (const each of [first!, second!]) {
      expect(decodeCheckpoint(encodeCheckpoint(each, its), its)).toEqual(each);
    }
    // Such a file was never written.
    const { bestWeights, ...without } = second!;
    const short = { ...second!, bestWeights: bestWeights!.slice(1) };
    for (const wrong of [without, short, { ...first!, bestWeights }]) {
      expect(codeOf(encodeCheckpoint(wrong, its), its)).toBe('checkpoint_damaged');
    }
  });

  it('is refused for another early_stopping, if one of them restores the best weights', () => {
    const with_ = (options: object) =>
      JobSpecSchema.parse({ ...spec, training: { ...spec.training, early_stopping: options } });
    const restoring = with_({ restore_best_weights: true });
    const its = encodeCheckpoint(
      { ...checkpoint, bestWeights: checkpoint.state.weights },
      { spec: restoring, data },
    );
    expect(codeOf(its, { spec: restoring, data })).toBe('decoded');
    for (const other of [{}, { restore_best_weights: true, monitor: 'loss' }]) {
      expect(codeOf(its, { spec: with_(other), data })).toBe('checkpoint_of_other_spec');
    }
    expect(codeOf(bytes, { spec: restoring, data })).toBe('checkpoint_of_other_spec');
  });

  it('of a version that did not have an option yet is accepted where the option is null', () => {
    const without = (options: object) =>
      Object.fromEntries(Object.entries(options).filter(([, value]) => value !== null));
    const older = { ...spec, optimizer: without(spec.optimizer), training: without(spec.training) };
    expect(Object.keys(older.optimizer)).not.toContain('weight_decay');
    expect(codeOf(bytes, { spec: older as JobSpec, data })).toBe('decoded');
  });

  it('is accepted when only name, metadata, limits, more epochs or the order of keys differ', () => {
    const { training, ...rest } = spec;
    const other: JobSpec = {
      training: { ...Object.fromEntries(Object.entries(training).reverse()), epochs: 9 } as typeof training,
      ...rest,
      name: 'another',
      metadata: { team: 'a' },
      limits: { max_seconds: 5 },
    };
    expect(codeOf(bytes, { spec: other, data })).toBe('decoded');
  });
});

describe('a damaged checkpoint', () => {
  it('is refused when any bit is flipped', () => {
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(7), (offset, bit) => {
        const changed = bytes.slice();
        changed[offset] ^= 1 << bit;
        expect(codeOf(changed)).toBe('checkpoint_damaged');
      }),
      { numRuns: 300 },
    );
  });

  it('is refused when truncated anywhere, and with bytes left over', () => {
    for (let length = 0; length < 700; length += 7) {
      expect(codeOf(bytes.slice(0, length))).toBe('checkpoint_damaged');
      expect(codeOf(bytes.slice(0, -1 - length))).toBe('checkpoint_damaged');
    }
    expect(codeOf(seal(Buffer.concat([bytes, Buffer.alloc(4)])))).toBe('checkpoint_damaged');
    expect(codeOf(seal(bytes.slice(0, -4)))).toBe('checkpoint_damaged');
  });

  it('causes no other error, even if its SHA-256 is right', () => {
    const headerEnd = 12 + Buffer.from(bytes).readUInt32LE(8);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(headerEnd + 8), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        (changes) => {
          const changed = bytes.slice();
          for (const [offset, value] of changes) changed[offset] = value;
          expect(['decoded', 'checkpoint_damaged', 'checkpoint_of_other_spec']).toContain(
            codeOf(seal(changed)),
          );
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('causes no other error with bytes that never were a checkpoint', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        expect(codeOf(noise)).toBe('checkpoint_damaged');
        const framed = Buffer.concat([Buffer.from('DESCENT1'), noise, Buffer.alloc(32)]);
        expect(codeOf(seal(framed))).toBe('checkpoint_damaged');
      }),
    );
  });

  it.each<[string, (header: string) => string]>([
    ['invalid JSON', () => '{'],
    ['null', () => 'null'],
    ['no arrays', () => '{"kind":"checkpoint"}'],
    ['null for an array', (header) => header.replace(/"arrays":\[.*\]/, '"arrays":[null]')],
    ['another kind', (header) => header.replace('"checkpoint"', '"model"')],
    ['a length of 2^53', (header) => header.replace(/"length":\d+/, '"length":9007199254740992')],
    ['a length of 2^52', (header) => header.replace(/"length":\d+/, '"length":4503599627370496')],
    ['a negative length', (header) => header.replace(/"length":\d+/, '"length":-1')],
    ['an unknown type', (header) => header.replace('float32', 'float16')],
    ['renamed slots', (header) => header.replace('first_moment', '__proto__')],
    [
      'swapped slots',
      (header) => header.replace('first', 'x').replace('second', 'first').replace('x', 'second'),
    ],
    ['no history', (header) => header.replace(/"history":\[.*?\]/, '"history":[]')],
    ['a wrong epoch in its history', (header) => header.replace('"epoch":1,', '"epoch":3,')],
    ['a missing loss', (header) => header.replace('"loss"', '"lost"')],
    ['a null loss', (header) => header.replace(/"loss":[^,]+/, '"loss":null')],
    ['fewer steps than epochs', (header) => header.replace(/"steps":\d+/, '"steps":1')],
    [
      'an epoch of 0',
      (header) =>
        header.replace(/"epoch":2,"steps":\d+,"history":\[.*?\]/, '"epoch":0,"steps":0,"history":[]'),
    ],
  ])('is refused with %s in its header', (_, change) => {
    const changed = withHeader(change);
    expect(Buffer.from(changed).equals(Buffer.from(bytes))).toBe(false);
    expect(codeOf(changed)).toBe('checkpoint_damaged');
  });

  it('is not made by rewriting an unchanged header, so the cases above test their changes', () => {
    expect(Buffer.from(withHeader((header) => header)).equals(Buffer.from(bytes))).toBe(true);
  });
});
