import { DatasetRefusedError, MOST_PLACES, type Place } from './refusal.ts';

/** Gathers the places of a file that cannot be used, so that one answer tells the first ten. */
export class Places {
  readonly #message: string;
  readonly #places: Place[] = [];

  /** message: of the refusal, if there is a place. */
  constructor(message: string) {
    this.#message = message;
  }

  get any(): boolean {
    return this.#places.length > 0;
  }

  /** @throws {DatasetRefusedError} when there are as many as are told. */
  add(place: Place): void {
    this.#places.push(place);
    if (this.#places.length === MOST_PLACES) this.refuse();
  }

  /** @throws {DatasetRefusedError} if there is a place. */
  refuse(): void {
    if (this.any) throw new DatasetRefusedError(this.#message, this.#places);
  }
}

/** What stands at a place, short enough to be told. */
export const cut = (text: string, length = 80): string =>
  text.length <= length ? text : `${text.slice(0, length - 3)}...`;
