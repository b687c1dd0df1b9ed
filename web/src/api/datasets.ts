import { Datasets } from '../../../src/client/datasets.ts';
import { Http } from '../../../src/client/http.ts';
import type { DatasetDetail, UploadOptions } from '../../../src/client/types.ts';
import { base, http, observed } from './server.ts';

/** The datasets of the server. A part of its own, since most views do not need it. */

export const datasets = new Datasets(http);

interface Upload {
  name: string;
  file: Blob;
  options: UploadOptions;
  signal: AbortSignal;
  /** share: of the bytes that are sent, 0 to 1. */
  onProgress(share: number): void;
}

/** Sends a file as a dataset. @throws {DescentError} */
export async function upload({ name, file, options, signal, onProgress }: Upload): Promise<DatasetDetail> {
  const counting = new Datasets(new Http({ url: base, fetch: observed(sentWith(onProgress)) }));
  return await counting.put(name, file, { ...options, signal });
}

/** As fetch, by the only means of a browser that tells how much of a body has been sent over HTTP/1.1. */
function sentWith(onProgress: (share: number) => void): typeof fetch {
  return (input, { method = 'GET', headers, body, signal } = {}) =>
    new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      const abort = () => request.abort();
      const fail = () => reject(new TypeError('the connection broke'));
      request.open(method, String(input));
      new Headers(headers).forEach((value, key) => {
        request.setRequestHeader(key, value);
      });
      request.upload.onprogress = ({ loaded, total }) => onProgress(total === 0 ? 1 : loaded / total);
      request.onload = () => resolve(new Response(request.responseText, { status: request.status }));
      request.onerror = fail;
      request.onabort = fail;
      signal?.addEventListener('abort', abort);
      request.onloadend = () => signal?.removeEventListener('abort', abort);
      request.send(body as Blob);
    });
}
