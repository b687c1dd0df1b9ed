import { describe, expect, it } from 'vitest';
import { EngineNameSchema } from '../../src/contract/job-spec.ts';
import { listEngines, loadEngine } from '../../src/engine/engines.ts';

describe('engines', () => {
  it('lists every engine of the contract with its version, or why it is missing', async () => {
    const engines = await listEngines();
    expect(engines.map(({ name }) => name).sort()).toEqual([...EngineNameSchema.options].sort());
    for (const engine of engines) {
      expect(engine.available ? engine.version && engine.backend : engine.reason).toBeTruthy();
    }
  });

  it('does not load TensorFlow to say so', async () => {
    await listEngines();
    // Where tfjs keeps what a process has of it.
    expect(globalThis).not.toHaveProperty('_tfengine');
  });

  it('takes the first that loads for auto, and the named one otherwise', async () => {
    const engines = await listEngines();
    expect((await loadEngine('auto')).name).toBe(engines.find(({ available }) => available)!.name);
    expect(await loadEngine('reference')).toMatchObject({ available: true, name: 'reference' });
    expect(await loadEngine('tensorflow')).toMatchObject({ available: true, name: 'tensorflow' });
    expect(globalThis).toHaveProperty('_tfengine');
  });
});
