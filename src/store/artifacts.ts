import { z } from 'zod';
import type { JobFile } from './job-record.ts';

/** Where the artifacts are: all that another process needs to open them. A trainer's command carries it. */
export const ArtifactsLocationSchema = z.strictObject({
  /** The folder that holds a folder for each job. */
  folder: z.string().min(1),
});
export type ArtifactsLocation = z.output<typeof ArtifactsLocationSchema>;

/** In bytes. */
export interface DiskRoom {
  free: number;
  total: number;
}

/**
 * The files of the jobs, each identified by its job and its name. A file counts only while a record names it with its
 * SHA-256; all other files of a job are litter. An implementation must pass `test/store/artifacts-conformance.ts`.
 */
export interface Artifacts {
  readonly location: ArtifactsLocation;

  /**
   * Writes a file atomically: it exists whole or not at all, even after a power cut. If several writers use one name,
   * one wins.
   * @throws {StorageUnavailableError} when the storage is full, read-only or broken; no partial file is left under the
   *   name.
   */
  write(jobId: string, name: string, bytes: Uint8Array): Promise<JobFile>;

  /** The file's bytes; undefined when it is missing, unreadable, or its hash differs from the record's. */
  read(jobId: string, file: JobFile): Promise<Buffer | undefined>;

  /**
   * Gives a job a file of another job, under the same name and without a copy where the storage can.
   * @returns false when the file is missing, unreadable or damaged; the job then does not have it.
   * @throws {StorageUnavailableError}
   */
  share(fromJobId: string, toJobId: string, file: JobFile): Promise<boolean>;

  /** Removes all files of a job except these. */
  keepOnly(jobId: string, names: readonly string[]): Promise<void>;

  /**
   * Removes the files that earlier attempts wrote, except these. It leaves a later attempt's files alone: this attempt
   * may have been suspended since it read the record.
   */
  removeEarlier(jobId: string, attempt: number, names: readonly string[]): Promise<void>;

  removeFile(jobId: string, name: string): Promise<void>;

  /** Removes all files of a job. */
  remove(jobId: string): Promise<void>;

  /** The jobs that have files, each with the time of its last change in ms since the Unix epoch. */
  list(): Promise<{ id: string; writtenMs: number }[]>;

  /** Total size of a job's files in bytes. */
  size(jobId: string): Promise<number>;

  /**
   * Writes a small file as `write` would, and removes it.
   * @throws {StorageUnavailableError} with a sentence for the operator.
   */
  checkWritable(): Promise<void>;

  /** @throws {StorageUnavailableError} with a sentence for the operator, when no file could be read. */
  checkReadable(): Promise<void>;
}
