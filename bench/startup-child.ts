import '../workers/training-session.ts';
import { z } from 'zod';
import { EngineNameSchema, JobSpecSchema } from '../src/contract/job-spec.ts';
import { openDataset } from '../src/dataset/prepared.ts';
import { resolveDataset } from '../src/dataset/registry.ts';
import { loadEngine } from '../src/engine/engines.ts';
import { createJobEngine } from '../src/training/job-engine.ts';

/** Does what a trainer does before its first step, with the same modules; startup.ts measures it. */
const [engine, dataDir] = z.tuple([EngineNameSchema, z.string()]).parse(process.argv.slice(2));

const modulesMs = performance.now();
const dataset = await openDataset(resolveDataset('mnist'), dataDir);
const loaded = await loadEngine(engine);
if (!loaded.available) throw new Error(loaded.reason);
createJobEngine(loaded, JobSpecSchema.parse({ engine }), dataset);
process.send!({ modulesMs, engineMs: performance.now() - modulesMs });
process.disconnect();
