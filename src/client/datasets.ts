import type { Http } from './http.ts';
import type { Abortable } from './job-requests.ts';
import { pathOfDataset, searchOf } from './paths.ts';
import type { Dataset, DatasetDetail, DatasetRows, DatasetRowsOptions, UploadOptions } from './types.ts';

export interface PutOptions extends Abortable, UploadOptions {
  /** Called with the bytes that have been sent so far. Such a request is streamed, which browsers do only over HTTP/2. */
  onProgress?: (sentBytes: number) => void;
}

/** As long as a server takes: a large file is sent and read. */
const UPLOAD_MS = 2 * 60 * 60 * 1000;

/** The datasets of a Descent, built-in and your own. Every method throws a DescentError. */
export class Datasets {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  async list({ signal }: Abortable = {}): Promise<Dataset[]> {
    const { data } = await this.#json<{ data: Dataset[] }>('/datasets', signal);
    return data;
  }

  /** How it was read, its columns and classes. */
  async get(name: string, { signal }: Abortable = {}): Promise<DatasetDetail> {
    return await this.#json<DatasetDetail>(pathOfDataset(name), signal);
  }

  /** Rows in the dataset's own units. */
  async rows(
    name: string,
    { signal, ...options }: Abortable & DatasetRowsOptions = {},
  ): Promise<DatasetRows> {
    return await this.#json<DatasetRows>(`${pathOfDataset(name)}/rows${searchOf({ ...options })}`, signal);
  }

  /**
   * Uploads a file; the same content again changes nothing. Not repeated by itself. A file that is refused is a
   * DescentError with `places`.
   */
  async put(
    name: string,
    file: Blob,
    { signal, onProgress, ...options }: PutOptions = {},
  ): Promise<DatasetDetail> {
    return await this.#http.sendOnce(
      {
        method: 'PUT',
        path: `${pathOfDataset(name)}${searchOf({ ...options } as Record<string, string | number>)}`,
        headers: file.type === '' ? {} : { 'content-type': file.type },
        body: onProgress === undefined ? file : counted(file.stream(), onProgress),
        answerMs: UPLOAD_MS,
        signal,
      },
      (response) => this.#http.asJson<DatasetDetail>(response),
    );
  }

  /** Deletes an uploaded dataset that no live job needs. */
  async delete(name: string, { signal }: Abortable = {}): Promise<void> {
    await this.#http.sendOnce({ method: 'DELETE', path: pathOfDataset(name), signal }, async () => {});
  }

  async #json<Value>(path: string, signal: AbortSignal | undefined): Promise<Value> {
    return await this.#http.send({ path, signal }, (response) => this.#http.asJson<Value>(response));
  }
}

function counted(
  body: ReadableStream<Uint8Array>,
  onProgress: (sentBytes: number) => void,
): ReadableStream<Uint8Array> {
  let bytes = 0;
  const count = new TransformStream<Uint8Array, Uint8Array>({
    transform: (chunk, controller) => {
      controller.enqueue(chunk);
      bytes += chunk.byteLength;
      onProgress(bytes);
    },
  });
  return body.pipeThrough(count);
}
