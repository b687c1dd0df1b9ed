import type { EngineReport } from '../src/contract/worker-report.ts';
import { listEngines } from '../src/engine/engines.ts';

/** The engines of this machine, in the form that a worker reports. */
export async function reportEngines(): Promise<EngineReport[]> {
  return (await listEngines()).map((engine) =>
    engine.available
      ? {
          name: engine.name,
          available: true,
          version: engine.version,
          backend: engine.backend,
          reason: engine.reason ?? null,
        }
      : { name: engine.name, available: false, version: null, backend: null, reason: engine.reason },
  );
}
