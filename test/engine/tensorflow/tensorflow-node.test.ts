import { describe, expect, it } from 'vitest';
import { findTensorFlow, loadNode } from '../../../src/engine/tensorflow/tensorflow-module.ts';
import { describeTensorFlow } from './tensorflow-suite.ts';

/** Runs if tfjs-node is installed and loads; bench/peers/tfjs-node-from-wheel.sh shows how to install it. */
const loaded = loadNode();

if (typeof loaded === 'string') {
  describe.skip(`@tensorflow/tfjs-node (${loaded})`, () => {
    it('behaves like the WASM backend', () => {});
  });
} else {
  describe('@tensorflow/tfjs-node', () => {
    describeTensorFlow(loaded);

    it('does the computing, and is found without being loaded', async () => {
      expect(loaded.tensorflow.core.getBackend()).toBe('tensorflow');
      const { tensorflow: _, ...described } = loaded;
      expect(await findTensorFlow()).toEqual(described);
    });
  });
}
