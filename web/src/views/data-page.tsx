import { useSignal } from '@preact/signals';
import { datasets } from '../api/datasets.ts';
import { forgetDatasets } from '../api/datasets-known.ts';
import { caller } from '../api/server.ts';
import { ago } from '../parts/format.ts';
import { now } from '../parts/now.ts';
import { Problem } from '../parts/problem.tsx';
import { useLoaded } from '../parts/use-loaded.ts';
import { go, href } from '../route.ts';
import { Rows } from './data-rows.tsx';
import { Schema } from './data-schema.tsx';

/** One dataset: how it was read, its first rows, and what can be done with it. */
export function DatasetPage({ name }: { name: string }) {
  const { value: dataset, error } = useLoaded((signal) => datasets.get(name, { signal }), [name]).value;
  const removal = useSignal<unknown>(undefined);
  const remove = async () => {
    if (!confirm(`Delete the dataset ${name}? Finished jobs keep their models. This cannot be undone.`))
      return;
    removal.value = undefined;
    try {
      await datasets.delete(name);
      forgetDatasets();
      go(href('data'));
    } catch (reason) {
      removal.value = reason;
    }
  };
  return (
    <>
      <div class="head">
        <div>
          <p class="faint">
            <a href={href('data')}>Data</a> / <code>{name}</code>
          </p>
          <h1>{dataset?.title ?? name}</h1>
        </div>
        {dataset !== undefined && (
          <div class="row">
            {dataset.problem === null && (
              <a class="button primary" href={href('new', { dataset: name })}>
                Train on it
              </a>
            )}
            <a class="button" href={href('jobs', { dataset: name })}>
              Jobs with this data
            </a>
            {!dataset.built_in && caller.value?.role !== 'reader' && (
              <button type="button" class="danger" onClick={() => void remove()}>
                Delete
              </button>
            )}
          </div>
        )}
      </div>
      <Problem error={removal.value} />
      <Problem error={error} />
      {dataset !== undefined && (
        <>
          <section class="card" aria-label="How it was read">
            <p>{dataset.description}</p>
            {dataset.problem !== null && <p class="error">{dataset.problem}</p>}
            <Schema dataset={dataset}>
              {dataset.created_at !== null && (
                <>
                  <dt>Uploaded</dt>
                  <dd>{ago(dataset.created_at, now.value)}</dd>
                </>
              )}
            </Schema>
          </section>
          {dataset.problem === null && <Rows dataset={dataset} />}
        </>
      )}
    </>
  );
}
