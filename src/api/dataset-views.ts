import type { Dataset, DatasetDescription, DatasetDetail } from '../contract/dataset.ts';
import type { BuiltInName } from '../contract/job-spec.ts';
import { datasetProblem, uploadProblem } from '../dataset/availability.ts';
import { preparedBytes, preparedHeader } from '../dataset/prepared-file.ts';
import type { DatasetEntry } from '../dataset/registry.ts';
import type { OwnDataset } from '../store/datasets.ts';
import { isoTime } from '../store/job-view.ts';

/** Datasets as the API shows them. */

type Shown = Omit<OwnDataset, 'createdMs'> & { readonly createdMs: number | null };

export async function builtInView(
  name: BuiltInName,
  { title, description, shape, sources, ...entry }: DatasetEntry,
  dataDir: string,
): Promise<Dataset> {
  return {
    ...seenOf(shape),
    name,
    built_in: true,
    title,
    description,
    bytes: preparedBytes(preparedHeader(shape), shape),
    created_at: null,
    files: Object.values(sources?.files ?? {}).map(({ file, sha256 }) => ({ file, sha256 })),
    problem: await datasetProblem({ title, description, shape, sources, ...entry }, dataDir),
  };
}

export const ownView = async (dataset: OwnDataset, dataDir: string): Promise<Dataset> => ({
  ...ownHead(dataset),
  problem: await uploadProblem(dataset.shape, dataDir),
});

const ownHead = ({ name, shape, bytes, createdMs, options }: Shown): Omit<Dataset, 'problem'> => ({
  ...seenOf(shape),
  name,
  built_in: false,
  title: name,
  description: describe(shape, String(options.format ?? 'file')),
  bytes,
  created_at: createdMs === null ? null : isoTime(createdMs),
  files: [],
});

/** The JSON of a DatasetDetail. description: that of a DatasetDescription. problem: null for an upload just taken. */
export function detailOf(dataset: Shown, description: string, problem: string | null = null): string {
  const { options, notes, source } = dataset;
  const head: Omit<DatasetDetail, keyof DatasetDescription> = {
    object: 'dataset',
    ...ownHead(dataset),
    problem,
    source,
    options,
    notes,
  };
  // A table may have thousands of columns, which nobody needs to parse here.
  return `${JSON.stringify(head).slice(0, -1)},${description.slice(1)}`;
}

export const NO_DESCRIPTION: DatasetDescription = { columns: null, target_column: null, class_counts: null };

/** Of a built-in dataset. */
export const builtInDetail = (view: Dataset): DatasetDetail => ({
  object: 'dataset',
  ...view,
  source: null,
  options: {},
  notes: [],
  ...NO_DESCRIPTION,
});

type Shape = DatasetEntry['shape'];

const seenOf = ({ rows, kind, task, inputs, image, classes, target, sha256 }: Shape) => ({
  train_rows: rows.train,
  test_rows: rows.test,
  kind,
  task,
  inputs,
  image: image && { ...image },
  classes: classes && [...classes],
  target: target ?? null,
  sha256,
});

function describe({ kind, inputs, image, classes, rows }: Shape, format: string): string {
  const count = (rows.train + rows.test).toLocaleString('en');
  const what =
    image === null
      ? `${count} rows of ${inputs} inputs`
      : `${count} ${image.channels === 1 ? 'grey' : 'coloured'} ${kind} of ${image.width} x ${image.height} pixels`;
  const aim = classes === null ? 'with a number to predict' : `in ${classes.length} classes`;
  return `${what}, ${aim}, uploaded as ${format}.`;
}
