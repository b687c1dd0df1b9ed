import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { link, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { JOB_ID_PATTERN } from '../contract/job.ts';
import { StorageUnavailableError } from '../contract/storage-error.ts';
import type { Artifacts, ArtifactsLocation } from './artifacts.ts';
import { checkReadable, checkWritable } from './folder-check.ts';
import { FileNameSchema, type JobFile } from './job-record.ts';

/** Artifacts in a folder: `<root>/<job>/<name>`. */
export class FolderArtifacts implements Artifacts {
  readonly #root: string;

  constructor({ folder }: ArtifactsLocation) {
    this.#root = resolve(folder);
  }

  static in(dataDir: string): FolderArtifacts {
    return new FolderArtifacts({ folder: join(dataDir, 'jobs') });
  }

  get location(): ArtifactsLocation {
    return { folder: this.#root };
  }

  async write(jobId: string, name: string, bytes: Uint8Array): Promise<JobFile> {
    const folder = this.#folder(jobId);
    const path = join(folder, FileNameSchema.parse(name));
    // In the same folder: a rename is atomic only within one file system.
    const temporary = join(folder, `.${name}.${randomUUID()}.tmp`);
    try {
      if ((await mkdir(folder, { recursive: true })) !== undefined) await syncFolder(this.#root);
      const file = await open(temporary, 'wx');
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, path);
      await syncFolder(folder);
    } catch (cause) {
      await rm(temporary, { force: true }).catch(() => {});
      throw unwritable(cause);
    }
    return { name, sha256: sha256(bytes) };
  }

  async read(jobId: string, file: JobFile): Promise<Buffer | undefined> {
    const path = join(this.#folder(jobId), FileNameSchema.parse(file.name));
    try {
      const bytes = await readFile(path);
      return sha256(bytes) === file.sha256 ? bytes : undefined;
    } catch {
      return undefined;
    }
  }

  async share(fromJobId: string, toJobId: string, file: JobFile): Promise<boolean> {
    const name = FileNameSchema.parse(file.name);
    const folder = this.#folder(toJobId);
    const [from, to] = [join(this.#folder(fromJobId), name), join(folder, name)];
    try {
      if ((await mkdir(folder, { recursive: true })) !== undefined) await syncFolder(this.#root);
      await link(from, to);
      if ((await sha256Of(to)) === file.sha256) {
        await syncFolder(folder);
        return true;
      }
      await rm(to, { force: true });
      return false;
    } catch (cause) {
      if (isMissing(cause)) return false;
      if (!hasNoLinks(cause)) throw unwritable(cause);
    }
    const bytes = await this.read(fromJobId, file);
    if (bytes !== undefined) await this.write(toJobId, name, bytes);
    return bytes !== undefined;
  }

  async keepOnly(jobId: string, names: readonly string[]): Promise<void> {
    const folder = this.#folder(jobId);
    for (const name of await listFolder(folder)) {
      if (!names.includes(name)) await rm(join(folder, name), { recursive: true, force: true });
    }
  }

  async removeEarlier(jobId: string, attempt: number, names: readonly string[]): Promise<void> {
    const folder = this.#folder(jobId);
    for (const name of await listFolder(folder)) {
      const by = Number(/^\.?(\d+)-/.exec(name)?.[1] ?? 0);
      if (by < attempt && !names.includes(name))
        await rm(join(folder, name), { recursive: true, force: true });
    }
  }

  async removeFile(jobId: string, name: string): Promise<void> {
    await rm(join(this.#folder(jobId), FileNameSchema.parse(name)), { force: true });
  }

  async remove(jobId: string): Promise<void> {
    await rm(this.#folder(jobId), { recursive: true, force: true });
  }

  async list(): Promise<{ id: string; writtenMs: number }[]> {
    const ids = (await listFolder(this.#root)).filter((name) => JOB_ID_PATTERN.test(name));
    const found = ids.map(async (id) => {
      try {
        return [{ id, writtenMs: (await stat(this.#folder(id))).mtimeMs }];
      } catch (error) {
        if (isMissing(error)) return [];
        throw error;
      }
    });
    return (await Promise.all(found)).flat();
  }

  async size(jobId: string): Promise<number> {
    const folder = this.#folder(jobId);
    const sizes = (await listFolder(folder)).map(async (name) => {
      try {
        return (await stat(join(folder, name))).size;
      } catch (error) {
        if (isMissing(error)) return 0;
        throw error;
      }
    });
    return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
  }

  async checkWritable(): Promise<void> {
    await checkWritable(this.#root);
  }

  async checkReadable(): Promise<void> {
    await checkReadable(this.#root);
  }

  #folder(jobId: string): string {
    if (!JOB_ID_PATTERN.test(jobId)) throw new Error(`${JSON.stringify(jobId)} is not the id of a job`);
    return join(this.#root, jobId);
  }
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** A part at a time, so that a large file does not block the event loop. */
async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const part of createReadStream(path)) hash.update(part as Buffer);
  return hash.digest('hex');
}

function unwritable(cause: unknown): StorageUnavailableError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new StorageUnavailableError(`The job's files could not be written: ${reason}`, { cause });
}

/** The file system has no hard links, or no more of this file. */
const hasNoLinks = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EXDEV', 'EACCES'].includes(String(error.code));

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');

async function listFolder(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
