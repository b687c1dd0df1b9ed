import type { Job } from '../../../src/client/descent.ts';
import { modelEpoch } from '../../../src/contract/best.ts';
import { descent } from '../api/server.ts';
import { useLoaded } from '../parts/use-loaded.ts';
import { route, setQuery } from '../route.ts';

interface Epochs {
  /** Those that can be asked, in order; none while the job trains. */
  all: readonly number[];
  /** That of the job's model, if it has one. */
  model: number | undefined;
  /** That whose checkpoint is asked; undefined for the model, or the newest checkpoint. */
  asked: number | undefined;
}

/** The epochs of a job that can be asked; undefined while they are loaded. Which one is asked is in the address. */
export function useEpochs(job: Job): Epochs | undefined {
  const { id, spec, status, terminal, result } = job;
  const { value: kept, error } = useLoaded(
    async (signal) => (terminal ? await descent.jobs.checkpoints(id, { signal }) : []),
    [id, terminal],
  ).value;
  if (kept === undefined && error === undefined) return undefined;
  const model = status === 'succeeded' ? modelEpoch(spec, result!) : undefined;
  const known = (kept ?? []).map(({ epoch }) => epoch);
  const all = [...new Set(model === undefined ? known : [...known, model])].sort((a, b) => a - b);
  const chosen = Number(route.value.query.get('epoch')) || undefined;
  // Without a model, the last epoch that the job keeps.
  const asked = chosen ?? (model === undefined ? all.at(-1) : undefined);
  return { all, model, asked: asked === model ? undefined : asked };
}

/** A slider over them. */
export function EpochChoice({ all, model, asked = model }: Epochs) {
  if (all.length < 2) return null;
  const said = `epoch ${asked}${asked === model ? ', the model' : ''}`;
  return (
    <label class="epochs">
      After
      <input
        type="range"
        aria-label="Epoch"
        aria-valuetext={said}
        min={0}
        max={all.length - 1}
        value={all.findLastIndex((epoch) => epoch <= asked!)}
        onInput={({ currentTarget: { valueAsNumber: at } }) =>
          setQuery({ epoch: all[at] === model ? undefined : String(all[at]) }, { replace: true })
        }
      />
      <output>{said}</output>
    </label>
  );
}
