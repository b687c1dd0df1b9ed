import { describe, expect, it } from 'vitest';
import { findTensorFlow, loadNode } from '../../../src/engine/tensorflow/tensorflow-module.ts';
import { describeTensorFlow } from './tensorflow-suite.ts';

/** Where tfjs-node is installed and loads; bench/peers/tfjs-node-from-wheel.sh says how. */
const loaded = loadNode();

if (typeof loaded === 'string') {
  describe.skip(`@tensorflow/tfjs-node (${loaded})`, () => {
    it('does what the WASM backend does', () => {});
  });
} else {
  describe('@tensorflow/tfjs-node', () => {
    describeTensorFlow(loaded);

    it('is what computes, and what is found without loading it', async () => {
      expect(loaded.tensorflow.core.getBackend()).toBe('tensorflow');
      const { tensorflow: _, ...described } = loaded;
      expect(await findTensorFlow()).toEqual(described);
    });
  });
}
