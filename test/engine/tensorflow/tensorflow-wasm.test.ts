import { describe, expect, it } from 'vitest';
import { findTensorFlow, loadWasm } from '../../../src/engine/tensorflow/tensorflow-module.ts';
import { describeTensorFlow } from './tensorflow-suite.ts';

const loaded = await loadWasm('this is about the other one');
if (typeof loaded === 'string') throw new Error(loaded);

describe("tfjs's WASM backend", () => {
  describeTensorFlow(loaded);

  it('does the computing', () => {
    expect(loaded.tensorflow.core.getBackend()).toBe('wasm');
    expect(loaded).toMatchObject({ version: '4.22.0', backend: expect.stringContaining('WASM') });
  });

  it('is found if tfjs-node is not, with the reason', async () => {
    const found = await findTensorFlow();
    if (typeof found === 'string') throw new Error(found);
    if (found.reason === null)
      expect(found.backend).toMatch(/^TensorFlow \d.* through @tensorflow\/tfjs-node/);
    else expect(found).toMatchObject({ version: loaded.version, backend: loaded.backend });
  });
});
