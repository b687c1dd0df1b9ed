import type { Dataset } from '../../../src/client/types.ts';
import { descent } from '../api/server.ts';
import { ago, bytes, whole } from '../parts/format.ts';
import { now } from '../parts/now.ts';
import { Problem } from '../parts/problem.tsx';
import { Scroll } from '../parts/scroll.tsx';
import { useLoaded } from '../parts/use-loaded.ts';
import { href, route } from '../route.ts';
import { DatasetPage } from './data-page.tsx';
import { kindOf, targetOf } from './data-texts.ts';
import { Upload } from './data-upload.tsx';

/** The datasets that jobs can be trained on, and a place for one's own; or one of them. */
export function Data() {
  const [, name] = route.value.path;
  return name === undefined ? <All /> : <DatasetPage name={name} />;
}

function All() {
  const loaded = useLoaded(async (signal) => {
    const [list, me] = await Promise.all([
      descent.installation.datasets({ signal }),
      descent.installation.me({ signal }),
    ]);
    return { list, room: me.use.dataset_bytes };
  }, []);
  const { value, error } = loaded.value;
  return (
    <>
      <div class="head">
        <h1>Data</h1>
      </div>
      <Upload />
      <Problem error={error} />
      {value !== undefined && (
        <section class="card" aria-labelledby="datasets">
          <div class="head">
            <h2 id="datasets">Datasets</h2>
            <span class="faint">
              Yours take {bytes(value.room.used)}
              {value.room.limit !== null && ` of ${bytes(value.room.limit)}`}.
            </span>
          </div>
          <Table datasets={value.list} />
        </section>
      )}
    </>
  );
}

const COLUMNS = [
  ['Name', ''],
  ['From', 'wide'],
  ['Each row', ''],
  ['Predicts', ''],
  ['Train rows', 'number'],
  ['Test rows', 'number wide'],
  ['Room', 'number wide'],
] as const;

function Table({ datasets }: { datasets: readonly Dataset[] }) {
  // What somebody brought comes first.
  const sorted = datasets.toSorted((a, b) => Number(a.built_in) - Number(b.built_in));
  return (
    <Scroll label="Table of the datasets">
      <table class="datasets">
        <thead>
          <tr>
            {COLUMNS.map(([title, kind]) => (
              <th key={title} scope="col" class={kind}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {sorted.map((dataset) => (
            <tr key={dataset.name}>
              <th scope="row">
                <a href={href(`data/${dataset.name}`)}>{dataset.name}</a>
                {dataset.problem !== null && <span class="faint"> (not here)</span>}
              </th>
              <td class="wide">
                {dataset.created_at === null ? 'built in' : `you, ${ago(dataset.created_at, now.value)}`}
              </td>
              <td>{kindOf(dataset)}</td>
              <td>{targetOf(dataset)}</td>
              <td class="number">{whole(dataset.train_rows)}</td>
              <td class="number wide">{whole(dataset.test_rows)}</td>
              <td class="number wide">{dataset.problem === null ? bytes(dataset.bytes) : '–'}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
