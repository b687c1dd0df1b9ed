import type { ComponentChildren } from 'preact';
import type { DatasetDetail } from '../../../src/client/types.ts';
import { bytes, percent, short, whole } from '../parts/format.ts';
import { Scroll } from '../parts/scroll.tsx';
import { kindOf, targetOf } from './data-texts.ts';

/** A table may have thousands of columns. */
const MOST_COLUMNS = 100;

/** How a dataset was read: what a row is, what was filled in, its columns and classes. */
export function Schema({ dataset, children }: { dataset: DatasetDetail; children?: ComponentChildren }) {
  const { train_rows, test_rows, target, target_column, options, notes, sha256, source, files } = dataset;
  const used = Object.entries(options).filter(([, value]) => value !== null && String(value) !== '');
  return (
    <>
      {notes.length > 0 && (
        <ul class="notes">
          {notes.map((note) => (
            <li key={note}>⚠ {note}</li>
          ))}
        </ul>
      )}
      <div class="grid">
        <dl class="facts">
          <dt>Each row</dt>
          <dd>{kindOf(dataset)}</dd>
          <dt>Predicts</dt>
          <dd>
            {target_column !== null && <b>{target_column.name}: </b>}
            {targetOf(dataset)}
            {target !== null && `, mean ${short(target.mean)}, deviation ${short(target.deviation)}`}
          </dd>
          <dt>Rows</dt>
          <dd>
            {whole(train_rows)} for training, {whole(test_rows)} for testing (
            {percent(test_rows / (train_rows + test_rows))})
          </dd>
          <dt>Room</dt>
          <dd>
            {bytes(dataset.bytes)}
            {source !== null && `, from a file of ${bytes(source.bytes)}`}
          </dd>
          {used.length > 0 && (
            <>
              <dt>Read with</dt>
              <dd>{used.map(([name, value]) => `${name}: ${String(value)}`).join(' · ')}</dd>
            </>
          )}
          {files.length > 0 && (
            <>
              <dt>Files</dt>
              <dd>{files.map(({ file }) => file).join(', ')}</dd>
            </>
          )}
          <dt>SHA-256</dt>
          <dd>
            <code>{sha256}</code>
          </dd>
          {children}
        </dl>
        <Classes dataset={dataset} />
      </div>
      <Columns columns={dataset.columns} />
    </>
  );
}

function Classes({ dataset: { classes, class_counts: counts } }: { dataset: DatasetDetail }) {
  if (classes === null) return null;
  if (counts === null) return <p>Classes: {classes.join(', ')}</p>;
  const most = Math.max(...counts.train);
  return (
    <div class="class-counts">
      <table class="bars">
        <caption>Rows of each class: for training, and for testing</caption>
        <tbody>
          {classes.map((label, at) => (
            <tr key={label}>
              <th scope="row">{label}</th>
              <td>
                <span class="bar" style={{ width: `${(100 * counts.train[at]!) / most}%` }} />
              </td>
              <td class="number">
                {whole(counts.train[at])} + {whole(counts.test[at])}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Columns({ columns }: Pick<DatasetDetail, 'columns'>) {
  if (columns === null) return null;
  const more = columns.length - MOST_COLUMNS;
  return (
    <Scroll label="Columns">
      <table>
        <caption class="hidden">Columns that the model sees</caption>
        <thead>
          <tr>
            {['Column', 'Type', 'Missing', 'From', 'To', 'Mean', 'Deviation', 'The model sees'].map(
              (title) => (
                <th key={title} scope="col">
                  {title}
                </th>
              ),
            )}
          </tr>
        </thead>
        <tbody>
          {columns.slice(0, MOST_COLUMNS).map((column) => (
            <tr key={column.name}>
              <th scope="row">{column.name}</th>
              <td>{column.type}</td>
              <td>{column.missing === 0 ? '–' : whole(column.missing)}</td>
              {column.type === 'number' ? (
                <>
                  <td>{short(column.min)}</td>
                  <td>{short(column.max)}</td>
                  <td>{short(column.mean)}</td>
                  <td>{short(column.deviation)}</td>
                  <td>{scaleOf(column)}</td>
                </>
              ) : (
                <>
                  <td colSpan={4}>{column.values.join(', ')}</td>
                  <td>an input for each text</td>
                </>
              )}
            </tr>
          ))}
        </tbody>
      </table>
      {more > 0 && <p class="faint">… and {whole(more)} more</p>}
    </Scroll>
  );
}

const scaleOf = ({ offset, divisor }: { offset: number; divisor: number }): string =>
  offset === 0 && divisor === 1 ? 'the number as it is' : `(number − ${short(offset)}) / ${short(divisor)}`;
