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

  it('does not load TensorFlow to list it', async () => {
    await listEngines();
    // tfjs keeps its state in this global.
    expect(globalThis).not.toHaveProperty('_tfengine');
  });

  it('loads the first available engine for auto, and otherwise the named one', async () => {
    const engines = await listEngines();
    expect((await loadEngine('auto')).name).toBe(engines.find(({ available }) => available)!.name);
    expect(await loadEngine('reference')).toMatchObject({ available: true, name: 'reference' });
    expect(await loadEngine('tensorflow')).toMatchObject({ available: true, name: 'tensorflow' });
    expect(globalThis).toHaveProperty('_tfengine');
  });
});
