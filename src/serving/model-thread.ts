import { createHash } from 'node:crypto';
import { move, transferableSymbol, valueSymbol } from 'piscina';
import type { DataShape } from '../contract/data-shape.ts';
import type { DatasetTable } from '../contract/dataset.ts';
import { inUnit } from '../contract/in-unit.ts';
import { BUILT_IN_DATASETS } from '../contract/job-spec.ts';
import type { PredictionList } from '../contract/prediction.ts';
import { StorageUnavailableError } from '../contract/storage-error.ts';
import { DatasetDamagedError, DatasetUnavailableError } from '../dataset/dataset-error.ts';
import { type Dataset, openDataset } from '../dataset/prepared.ts';
import { UploadedFiles } from '../dataset/uploads.ts';
import type { Predictions } from '../engine/engine.ts';
import { exportedModel } from '../export/exported-model.ts';
import { encodeAs } from '../export/formats.ts';
import { FolderArtifacts } from '../store/folder-artifacts.ts';
import { type Checkpoint, CheckpointError, decodeCheckpoint } from '../training/checkpoint.ts';
import { forkCheckpoint } from '../training/fork.ts';
import { weightsSha256 } from '../training/hashes.ts';
import { decodeModel, type ModelFile } from '../training/model-file.ts';
import { drawImage } from './dataset-image.ts';
import { showRows } from './dataset-rows.ts';
import { drawSheet, findRows } from './evaluated-rows.ts';
import { InputError } from './input-error.ts';
import { type Inputs, readInputs } from './inputs.ts';
import { type LoadedModel, loadedModel, noTargets, type TrainedWeights } from './loaded-models.ts';
import {
  type DatasetRowsTask,
  DatasetRowsTaskSchema,
  type ExportedFile,
  type ExportTask,
  ExportTaskSchema,
  type ForkOutcome,
  type ForkTask,
  ForkTaskSchema,
  type ImageTask,
  ImageTaskSchema,
  type PredictOutcome,
  type PredictTask,
  PredictTaskSchema,
  type RowsOutcome,
  type RowsTask,
  RowsTaskSchema,
  type StoredModel,
} from './model-task.ts';

/** The functions that a model thread runs. */

/** The model in the task's format; undefined when its file is missing or damaged. */
export async function exportModel(task: ExportTask): Promise<ExportedFile | undefined> {
  const { model, format, layout, preprocessing } = ExportTaskSchema.parse(task);
  const stored = await readModel(model);
  if (stored === undefined) return undefined;
  const exported = exportedModel({ ...model, file: stored, preprocessing });
  const content = encodeAs(format, exported, layout);
  const isWhole = content.byteLength === content.buffer.byteLength;
  // Only a buffer of its own can be moved to the other thread: not a view of the model's, nor one of Node's pool.
  const file = isWhole ? content : new Uint8Array(content);
  const value = { content: file, sha256: createHash('sha256').update(file).digest('hex') };
  return move({ [valueSymbol]: value, [transferableSymbol]: [file.buffer] }) as unknown as ExportedFile;
}

/** Predicts what was sent. */
export async function predict(task: PredictTask): Promise<PredictOutcome> {
  const { model, kind, dataDir, finalFile, ...sent } = PredictTaskSchema.parse(task);
  // A final model's file does not say how many epochs it took.
  const key = [kind, model.file.sha256, model.epoch].join(' ');
  const read = () =>
    kind === 'final' ? readFinal(model) : readCheckpoint({ model, kind, dataDir, finalFile });
  let loaded: LoadedModel | undefined;
  try {
    loaded = await loadedModel(key, model, read);
  } catch (error) {
    if (error instanceof DatasetUnavailableError) return { outcome: 'no_dataset' };
    throw error;
  }
  if (loaded === undefined) return { outcome: 'missing' };
  let inputs: Inputs;
  try {
    inputs = readInputs(sent, model.data, loaded.table?.columns ?? undefined);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { outcome: 'refused', code: error.code, message: error.message };
  }
  const { engine, epoch } = loaded;
  const { values, rows, seen } = inputs;
  const predictions = engine.predict(values, noTargets(model.data, rows), 0, rows);
  const odd = predictions.outputs.findIndex((value) => !Number.isFinite(value));
  if (odd >= 0) {
    const row = Math.floor(odd / model.data.outputs) + 1;
    const message = `Row ${row}: its values are so large that what the model says is not finite. Send values like those of the dataset.`;
    return { outcome: 'refused', code: 'content', message };
  }
  const answer: PredictionList = {
    object: 'list',
    ...describe(predictions, model.data),
    epoch,
    weights_sha256: loaded.weightsSha256,
    ...(seen !== undefined && { seen: seen.map((row) => [...row]) }),
  };
  return { outcome: 'predicted', json: JSON.stringify(answer) };
}

type Described = DistributiveOmit<PredictionList, 'object' | 'epoch' | 'weights_sha256' | 'seen'>;
type DistributiveOmit<Union, Key extends PropertyKey> = Union extends unknown ? Omit<Union, Key> : never;

function describe({ predicted, outputs }: Predictions, { classes, target }: DataShape): Described {
  if (classes === null) {
    const data = Array.from(outputs, (value) => ({ value: inUnit(value, target!) }));
    return { task: 'regression', data };
  }
  const data = Array.from(predicted, (choice, r) => ({
    label: classes[choice]!,
    class: choice,
    probability: outputs[r * classes.length + choice]!,
    probabilities: [...outputs.subarray(r * classes.length, (r + 1) * classes.length)],
  }));
  return { task: 'classification', data, classes };
}

/** Finds test rows by what the model made of them. */
export async function evaluatedRows(task: RowsTask): Promise<RowsOutcome> {
  const { model, dataDir, images, ...wanted } = RowsTaskSchema.parse(task);
  const stored = await readModel(model);
  if (stored === undefined) return { outcome: 'missing' };
  const { predicted } = stored;
  if (predicted === undefined) return { outcome: 'not_kept' };
  const found = await withDataset(model.data, dataDir, (dataset): RowsOutcome => {
    const rows = findRows(dataset.test, predicted, wanted);
    const png = images && rows.rows.length > 0 ? drawSheet(dataset, rows.rows) : undefined;
    return { outcome: 'found', ...rows, png };
  });
  return found ?? { outcome: 'no_dataset' };
}

/** The image of a dataset's row as PNG; undefined if the dataset is gone. */
export async function datasetImage(task: ImageTask): Promise<Uint8Array | undefined> {
  const { data, dataDir, ...row } = ImageTaskSchema.parse(task);
  return await withDataset(data, dataDir, (dataset) => drawImage(dataset, row));
}

/** The JSON of a page of a dataset's rows; undefined if the dataset is gone. */
export async function datasetRows(task: DatasetRowsTask): Promise<string | undefined> {
  const { data, dataDir, ...wanted } = DatasetRowsTaskSchema.parse(task);
  const table = await new UploadedFiles(dataDir).table(data.sha256);
  return await withDataset(data, dataDir, (dataset) => JSON.stringify(showRows(dataset, table, wanted)));
}

/** Writes the first checkpoint of a fork. */
export async function fork(task: ForkTask): Promise<ForkOutcome> {
  const { parent, child } = ForkTaskSchema.parse(task);
  const artifacts = new FolderArtifacts(parent.artifacts);
  const bytes = await artifacts.read(parent.job, parent.file);
  if (bytes === undefined) return { outcome: 'missing' };
  try {
    const forked = forkCheckpoint(bytes, parent, { ...child, data: parent.data });
    const file = await artifacts.write(child.job, `0-${child.parent.epoch}.ckpt`, forked.bytes);
    return { outcome: 'forked', file, steps: forked.steps };
  } catch (error) {
    if (error instanceof CheckpointError) return { outcome: 'missing' };
    if (error instanceof StorageUnavailableError) return { outcome: 'unwritten' };
    throw error;
  }
}

/** What `use` makes of a dataset; undefined if that is gone. */
async function withDataset<Result>(
  shape: DataShape,
  dataDir: string,
  use: (dataset: Dataset) => Result,
): Promise<Result | undefined> {
  const once = async (): Promise<Result> => {
    const dataset = await openDataset(shape, dataDir);
    try {
      return use(dataset);
    } finally {
      dataset.close();
    }
  };
  try {
    return await once();
  } catch (error) {
    if (error instanceof DatasetUnavailableError) return undefined;
    // The damaged file has been removed, and is made again.
    if (error instanceof DatasetDamagedError) return await once();
    throw error;
  }
}

async function readModel({ artifacts, file, ...job }: StoredModel): Promise<ModelFile | undefined> {
  const bytes = await new FolderArtifacts(artifacts).read(job.job, file);
  return bytes === undefined ? undefined : decodeModel(bytes, job);
}

async function readFinal(model: StoredModel): Promise<TrainedWeights | undefined> {
  const stored = await readModel(model);
  if (stored === undefined) return undefined;
  const { weights, table } = stored;
  return { weights, table, epoch: model.epoch, weightsSha256: model.weightsSha256 };
}

/** @throws {DatasetUnavailableError} */
async function readCheckpoint(
  task: Pick<PredictTask, 'model' | 'kind' | 'dataDir' | 'finalFile'>,
): Promise<TrainedWeights | undefined> {
  const { artifacts, file, ...job } = task.model;
  const bytes = await new FolderArtifacts(artifacts).read(job.job, file);
  if (bytes === undefined) return undefined;
  let checkpoint: Checkpoint;
  try {
    checkpoint = decodeCheckpoint(bytes, job);
  } catch (error) {
    // Its hash is right, but another version wrote it.
    if (error instanceof CheckpointError) return undefined;
    throw error;
  }
  const { epoch, state, bestWeights = state.weights } = checkpoint;
  const weights = task.kind === 'epoch' ? state.weights : bestWeights;
  return { weights, epoch, weightsSha256: weightsSha256(weights), table: await tableOf(task) };
}

/**
 * How the table was read that a job trained on; undefined for other data.
 * @throws {DatasetUnavailableError} when nothing says so any more
 */
async function tableOf({
  model,
  dataDir,
  finalFile,
}: Pick<PredictTask, 'model' | 'dataDir' | 'finalFile'>): Promise<DatasetTable | undefined> {
  const { kind, dataset, sha256 } = model.data;
  if (kind !== 'table' || isBuiltIn(dataset)) return undefined;
  const uploads = new UploadedFiles(dataDir);
  // A job that has not ended keeps its dataset; the model of one that has succeeded tells the same.
  if ((await uploads.description(sha256)) !== undefined) return await uploads.table(sha256);
  const final = finalFile && (await readModel({ ...model, file: finalFile }));
  if (final !== undefined) return final.table;
  throw new DatasetUnavailableError(`the dataset ${dataset} is not here any more`);
}

const isBuiltIn = (dataset: string): boolean => BUILT_IN_DATASETS.some((name) => name === dataset);
