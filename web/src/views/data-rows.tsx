import { useSignal } from '@preact/signals';
import type { DatasetDetail } from '../../../src/client/types.ts';
import { datasets } from '../api/datasets.ts';
import { rowImage } from '../api/files.ts';
import { short, whole } from '../parts/format.ts';
import { Problem } from '../parts/problem.tsx';
import { Scroll } from '../parts/scroll.tsx';
import { useLoaded } from '../parts/use-loaded.ts';

type Split = 'train' | 'test';

const PICTURES = 40;
/** Their pixels come with their classes. */
const MOST_PIXELS = 100_000;
const ROWS = 10;
/** A table may have thousands of columns. */
const MOST_COLUMNS = 50;

/** The rows of a dataset, some at a time: pictures, or a table in its own units. */
export function Rows({ dataset }: { dataset: DatasetDetail }) {
  const split = useSignal<Split>('train');
  const from = useSignal(0);
  const { name, image, inputs } = dataset;
  const size = image === null ? ROWS : Math.max(1, Math.min(PICTURES, Math.floor(MOST_PIXELS / inputs)));
  const count = split.value === 'train' ? dataset.train_rows : dataset.test_rows;
  const end = Math.min(count, from.value + size);
  const loaded = useLoaded(
    async (signal) =>
      await datasets.rows(name, {
        split: split.value,
        limit: size,
        ...(from.value > 0 && { after: from.value - 1 }),
        signal,
      }),
    [name, split.value, from.value],
  );
  const { value, error } = loaded.value;
  return (
    <section class="card" aria-labelledby="rows">
      <div class="head">
        <h2 id="rows">
          Rows {whole(from.value + 1)} to {whole(end)} of {whole(count)}
        </h2>
        <div class="row">
          <select
            aria-label="Rows for"
            value={split.value}
            onChange={(event) => {
              split.value = event.currentTarget.value as Split;
              from.value = 0;
            }}
          >
            <option value="train">for training</option>
            <option value="test">for testing</option>
          </select>
          <button
            type="button"
            disabled={from.value === 0}
            onClick={() => {
              from.value -= size;
            }}
          >
            Back
          </button>
          <button
            type="button"
            disabled={end === count}
            onClick={() => {
              from.value += size;
            }}
          >
            Next
          </button>
        </div>
      </div>
      <Problem error={error} />
      {value !== undefined &&
        (image === null ? (
          <Values dataset={dataset} rows={value.data} />
        ) : (
          <ul class="pictures">
            {value.data.map(({ index, target }) => (
              <li key={`${value.split} ${index}`}>
                <img
                  src={rowImage(name, value.split, index)}
                  width="56"
                  height="56"
                  alt={`Row ${index}: ${target}`}
                />
                <span class="faint">{target}</span>
              </li>
            ))}
          </ul>
        ))}
    </section>
  );
}

interface ValuesProps {
  dataset: DatasetDetail;
  rows: Awaited<ReturnType<typeof datasets.rows>>['data'];
}

function Values({ dataset: { columns, target_column, inputs }, rows }: ValuesProps) {
  const names = columns?.map(({ name }) => name) ?? Array.from({ length: inputs }, (_, i) => `x${i + 1}`);
  const more = names.length - MOST_COLUMNS;
  const titles = [...names.slice(0, MOST_COLUMNS), ...(more > 0 ? [`… ${more} more`] : [])];
  return (
    <Scroll label="Rows">
      <table>
        <thead>
          <tr>
            <th scope="col">Row</th>
            <th scope="col">{target_column?.name ?? 'target'}</th>
            {titles.map((title) => (
              <th key={title} scope="col">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ index, target, values }) => (
            <tr key={index}>
              <th scope="row">{index}</th>
              <td>
                <b>{cell(target)}</b>
              </td>
              {titles.map((title, at) => (
                <td key={title}>{at < MOST_COLUMNS ? cell(values[at]) : ''}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

const cell = (value: string | number | null | undefined): string =>
  typeof value === 'string' ? value : short(value);
