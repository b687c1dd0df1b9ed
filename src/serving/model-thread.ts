import { move } from 'piscina';
import { exportedModel } from '../export/exported-model.ts';
import { encodeAs } from '../export/formats.ts';
import { FolderArtifacts } from '../store/folder-artifacts.ts';
import { decodeModel } from '../training/model-file.ts';
import { type ExportTask, ExportTaskSchema } from './model-task.ts';

/** The functions that a model thread runs. */

/** The model in the task's format; undefined when its file is missing or damaged. */
export async function exportModel(task: ExportTask): Promise<Uint8Array | undefined> {
  const { model, format, layout, preprocessing } = ExportTaskSchema.parse(task);
  const { artifacts, file, ...job } = model;
  const bytes = await new FolderArtifacts(artifacts).read(job.job, file);
  if (bytes === undefined) return undefined;
  const exported = exportedModel({ ...job, file: decodeModel(bytes, job), preprocessing });
  // A copy: the bytes may be a view of the model's memory, or of a pool's.
  const content = Uint8Array.from(encodeAs(format, exported, layout));
  return move(content) as unknown as Uint8Array;
}
