import { open } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { DatasetFormat } from '../contract/dataset.ts';
import { type ReadOutcome, readUpload } from '../dataset/reading-process.ts';
import { UPLOADED_FILES, UploadedFiles } from '../dataset/uploads.ts';
import type { OwnDataset } from '../store/datasets.ts';
import type { ApiDeps, ApiTiming } from './deps.ts';
import { ProblemError } from './http/problems.ts';
import { noRoom, refusedRead, tooLarge, tooManyDatasets } from './upload-problems.ts';

/** Takes uploads: the body goes to a file, another process reads it, and the dataset is recorded. */

/** At a time in this process; others get a 503. */
const MOST_UPLOADS = 8;
/** Largest number of numbers and inputs that engines take: see MAX_KERNEL_BYTES. */
const PREPARED_BYTES = 2 ** 31;
/** What a body may unpack to. */
const UNPACKED = 4;
/** Another owner may remove the same rows at the very moment at which they are put in place. */
const MOST_PLACINGS = 3;

export interface Upload {
  readonly owner: string;
  readonly name: string;
  readonly format: DatasetFormat;
  /** Of the query, as text. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly body: Readable;
  readonly isDryRun: boolean;
  readonly response: ServerResponse;
}

/** An upload that is under way. signal: aborted when the client has gone, or the server stops. */
type Open = Upload & { readonly signal: AbortSignal };

/** description: JSON of a DatasetDescription. created: false if the owner had it with the same content. */
export interface TakenUpload {
  readonly dataset: Omit<OwnDataset, 'createdMs'> & { readonly createdMs: number | null };
  readonly description: string;
  readonly created: boolean;
}

type UploadDeps = Pick<ApiDeps, 'datasets' | 'dataDir' | 'uploadLimits' | 'quotas'>;

export class DatasetUploads {
  readonly #deps: UploadDeps;
  readonly #timing: ApiTiming['upload'];
  readonly #files: UploadedFiles;
  readonly #open = new Map<ServerResponse, { owner: string; stop: AbortController }>();
  /** Ends when no upload is being read: one at a time, since reading takes a processor and memory. */
  #reading: Promise<unknown> = Promise.resolve();

  constructor(deps: UploadDeps, timing: ApiTiming['upload']) {
    this.#deps = deps;
    this.#timing = timing;
    this.#files = new UploadedFiles(deps.dataDir);
  }

  /** Nothing of a refused upload is left. @throws {ProblemError} */
  async take(given: Upload): Promise<TakenUpload> {
    const { owner, response } = given;
    this.#requirePlace(owner);
    const stop = new AbortController();
    this.#open.set(response, { owner, stop });
    response.once('close', () => {
      if (!response.writableFinished) stop.abort(brokenOff());
    });
    // Its response says so, too; without a listener the error would end this process.
    given.body.on('error', () => {});
    const upload = { ...given, signal: stop.signal };
    let folder: string | undefined;
    try {
      await this.#requireRoom(upload);
      folder = await this.#files.open();
      await this.#receive(upload, join(folder, UPLOADED_FILES.body));
      const { stored, bytes } = await this.#read(upload, folder);
      const dataset = { ...stored, name: upload.name, bytes };
      const description = await this.#files.descriptionIn(folder);
      if (upload.isDryRun) return { dataset: { ...dataset, createdMs: null }, description, created: false };
      return { ...(await this.#record(upload, folder, dataset)), description };
    } catch (error) {
      throw stop.signal.aborted ? stop.signal.reason : isDiskFull(error) ? noRoomOnDisk(error) : error;
    } finally {
      this.#open.delete(response);
      if (folder !== undefined) await this.#files.discard(folder);
    }
  }

  /** Whether the response is that of an upload under way. */
  has(response: ServerResponse): boolean {
    return this.#open.has(response);
  }

  /** The server stops. */
  endAll(): void {
    const reason = new ProblemError(
      'overloaded',
      'This server is shutting down. Send the file again in a moment.',
      {
        headers: { 'retry-after': '5', connection: 'close' },
      },
    );
    for (const { stop } of this.#open.values()) stop.abort(reason);
  }

  /** @throws {ProblemError} */
  #requirePlace(owner: string): void {
    const headers = { 'retry-after': '5' };
    if (this.#open.size >= MOST_UPLOADS) {
      throw new ProblemError(
        'overloaded',
        `${MOST_UPLOADS} uploads are under way, as many as this server takes at a time. Retry in a moment.`,
        { headers },
      );
    }
    const { uploads } = this.#deps.quotas;
    const own = [...this.#open.values()].filter((its) => its.owner === owner).length;
    if (uploads === undefined || own < uploads) return;
    throw new ProblemError(
      'quota_exceeded',
      `${own} of your uploads are under way, and no more may be at a time. Retry when one has ended.`,
      { headers },
    );
  }

  /** Before the client sends gigabytes in vain. */
  async #requireRoom({ owner, isDryRun }: Upload): Promise<void> {
    if (isDryRun) return;
    const { datasets, uploadLimits, quotas } = this.#deps;
    const { own, all } = await datasets.bytes(owner);
    if (all >= uploadLimits.totalBytes) throw await noRoom('full', this.#deps, { owner, bytes: all });
    if (quotas.datasetBytes !== undefined && own >= quotas.datasetBytes)
      throw await noRoom('quota_exceeded', this.#deps, { owner, bytes: own });
  }

  async #receive({ body, signal }: Open, path: string): Promise<void> {
    const { bodyBytes } = this.#deps.uploadLimits;
    const { idleMs, totalMs } = this.#timing;
    const late = new ProblemError(
      'request_timeout',
      `The file did not arrive in time: each part must follow within ${idleMs / 1000} s, and all within ${totalMs / 60_000} min. Send it again.`,
      { headers: { connection: 'close' } },
    );
    const total = new AbortController();
    const timer = setTimeout(() => total.abort(late), totalMs);
    const stopped = AbortSignal.any([signal, total.signal]);
    const file = await open(path, 'wx');
    try {
      // The request must outlive a refusal, to get an answer.
      const chunks = body.iterator({ destroyOnReturn: false });
      for (let bytes = 0; ; ) {
        const next = await within(chunks.next(), idleMs, late, stopped);
        if (next.done === true) break;
        const chunk = next.value as Buffer;
        bytes += chunk.length;
        if (bytes > bodyBytes) throw tooLarge(bodyBytes);
        await file.writeFile(chunk);
      }
    } finally {
      clearTimeout(timer);
      await file.close();
    }
  }

  async #read({ name, format, options, signal }: Open, folder: string): Promise<MadeUpload> {
    const { uploadLimits } = this.#deps;
    const { readMs } = this.#timing;
    const limits = { unpackedBytes: UNPACKED * uploadLimits.bodyBytes, preparedBytes: PREPARED_BYTES };
    const task = { name, format, options: { ...options }, folder, limits };
    const { memoryBytes } = uploadLimits;
    const before = this.#reading;
    const reading = before.then(() => readUpload(task, { memoryBytes, timeMs: readMs, signal }));
    this.#reading = reading.catch(() => {});
    // One whose client goes away in the queue gives up its place among the uploads at once.
    await untilAborted(before, signal);
    const answer = await reading;
    if (answer.type === 'made') return answer;
    throw refusedRead(answer, { memoryBytes, readMs });
  }

  async #record(
    { owner, name }: Upload,
    folder: string,
    dataset: Omit<OwnDataset, 'createdMs'>,
  ): Promise<Omit<TakenUpload, 'description'>> {
    const { datasets, uploadLimits, quotas } = this.#deps;
    const { name: _name, bytes, ...stored } = dataset;
    const { sha256 } = stored.shape;
    const put = {
      owner,
      name,
      stored,
      bytes,
      mostBytes: uploadLimits.totalBytes,
      quota: quotas.datasetBytes,
    };
    for (let placing = 1; ; placing += 1) {
      await this.#files.place(folder, sha256, await datasets.now());
      const outcome = await datasets.put(put);
      if (outcome.outcome === 'created' || outcome.outcome === 'same') {
        if (!(await this.#files.has(sha256)) && placing < MOST_PLACINGS) continue;
        const created = outcome.outcome === 'created';
        // What an earlier upload of the same content said of itself stays.
        const kept = created ? undefined : await datasets.find(owner, name);
        return { dataset: kept ?? { ...dataset, createdMs: outcome.createdMs }, created };
      }
      if (!(await datasets.needs(sha256))) await this.#files.remove(sha256);
      switch (outcome.outcome) {
        case 'other':
          throw datasetExists(name);
        case 'too_many':
          throw tooManyDatasets(outcome.most);
        case 'full':
        case 'quota_exceeded':
          throw await noRoom(outcome.outcome, this.#deps, { owner, bytes: outcome.bytes });
      }
    }
  }
}

type MadeUpload = Extract<ReadOutcome, { type: 'made' }>;

const datasetExists = (name: string): ProblemError =>
  new ProblemError(
    'dataset_exists',
    `You have a dataset ${name} with other content. Upload this file under another name, or delete that one first.`,
  );

const brokenOff = (): ProblemError =>
  new ProblemError(
    'malformed_request',
    'The connection broke off before the upload had ended. Send it again.',
  );

const noRoomOnDisk = (cause: unknown): ProblemError =>
  new ProblemError(
    'datasets_full',
    'The disk of DATA_DIR is full. Delete datasets or finished jobs, or ask the operator for more room.',
    { cause },
  );

const isDiskFull = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && ['ENOSPC', 'EDQUOT'].includes(String(error.code));

/** @throws `late` after `ms`, or what the signal was aborted with */
async function within<Value>(
  value: Promise<Value>,
  ms: number,
  late: Error,
  signal: AbortSignal,
): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const lateness = new Promise<never>((_, reject) => {
    timer = setTimeout(reject, ms, late);
  });
  try {
    return await untilAborted(Promise.race([value, lateness]), signal);
  } finally {
    clearTimeout(timer);
  }
}

/** @throws what the signal was aborted with */
async function untilAborted<Value>(value: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return await new Promise<Value>((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
    // It is awaited in any case: nobody else would hear of its failure.
    void value.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
