import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const WINDOW_BYTES = 2 ** 17;

/** A file that is read in places. Small reads are served from a window that is read ahead. */
export class DiskFile {
  readonly bytes: number;
  readonly #fd: number;
  readonly #window = Buffer.allocUnsafe(WINDOW_BYTES);
  #from = 0;
  #length = 0;

  constructor(path: string) {
    this.#fd = openSync(path, 'r');
    this.bytes = fstatSync(this.#fd).size;
  }

  /** Fills `target` from `position` on; false if the file does not have these bytes. */
  readInto(target: Buffer, position: number): boolean {
    if (!(position >= 0 && position + target.length <= this.bytes)) return false;
    if (target.length > WINDOW_BYTES) return this.#readFully(target, position);
    if (position < this.#from || position + target.length > this.#from + this.#length) {
      this.#from = position;
      this.#length = Math.min(WINDOW_BYTES, this.bytes - position);
      if (!this.#readFully(this.#window.subarray(0, this.#length), position)) {
        this.#length = 0;
        return false;
      }
    }
    this.#window.copy(target, 0, position - this.#from, position - this.#from + target.length);
    return true;
  }

  close(): void {
    closeSync(this.#fd);
  }

  #readFully(target: Buffer, position: number): boolean {
    for (let done = 0; done < target.length; ) {
      const read = readSync(this.#fd, target, done, target.length - done, position + done);
      if (read === 0) return false;
      done += read;
    }
    return true;
  }
}
