import { z } from 'zod';
import type { JobFile } from './job-record.ts';

/** Where the artifacts lie: all that another process needs to open them, and so part of a trainer's command. */
export const ArtifactsLocationSchema = z.strictObject({
  /** The folder that holds a folder for each job. */
  folder: z.string().min(1),
});
export type ArtifactsLocation = z.output<typeof ArtifactsLocationSchema>;

/**
 * The files of the jobs, each known by its job and its name. A file counts only while a record names it with its
 * SHA-256; all other files of a job are litter. `test/store/artifacts-conformance.ts` is what an implementation must pass.
 */
export interface Artifacts {
  readonly location: ArtifactsLocation;

  /**
   * Writes a file so that it is there whole or not at all, also after a power cut. Of several writers of one name, one
   * wins.
   * @throws {StorageUnavailableError} when the storage is full, read-only or broken; nothing half-written keeps the name.
   */
  write(jobId: string, name: string, bytes: Uint8Array): Promise<JobFile>;

  /** The file's bytes; undefined when it is missing, cannot be read, or is not the one that the record means. */
  read(jobId: string, file: JobFile): Promise<Buffer | undefined>;

  /** Removes all files of a job but these. */
  keepOnly(jobId: string, names: readonly string[]): Promise<void>;

  /**
   * Removes what attempts before this one wrote, but for these files. It leaves what a later attempt wrote alone: this
   * one may have stood still since it read the record.
   */
  removeEarlier(jobId: string, attempt: number, names: readonly string[]): Promise<void>;

  removeFile(jobId: string, name: string): Promise<void>;

  /** Removes all files of a job. */
  remove(jobId: string): Promise<void>;

  /** The jobs that have files, and when these last changed, in ms since the Unix epoch. */
  list(): Promise<{ id: string; writtenMs: number }[]>;

  /** Bytes that a job's files take. */
  size(jobId: string): Promise<number>;

  /**
   * Writes a small file as `write` would, and removes it.
   * @throws {StorageUnavailableError} with a sentence for the operator.
   */
  checkWritable(): Promise<void>;

  /** @throws {StorageUnavailableError} with a sentence for the operator, when no file could be read. */
  checkReadable(): Promise<void>;
}
