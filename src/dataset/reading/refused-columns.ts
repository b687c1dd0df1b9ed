import { cut } from './places.ts';
import { DatasetRefusedError, type Place } from './refusal.ts';
import { type ColumnUse, listed } from './table-roles.ts';

export interface RefusedColumn {
  readonly use: ColumnUse;
  readonly place: Place & { readonly column: string };
}

/** @throws {DatasetRefusedError} if there is one; the message says how to leave all of them out */
export function refuseColumns(refused: readonly RefusedColumn[]): void {
  if (refused.length === 0) return;
  const names = refused.map(({ place }) => place.column);
  const inputs = refused.filter(({ use }) => use === 'input').map(({ place }) => place.column);
  const cure = inputs.length > 0 ? ` ?drop=${cut(inputs.join(','), 1000)} leaves out what is no target.` : '';
  throw new DatasetRefusedError(
    `${names.length === 1 ? 'A column' : `${names.length} columns`} cannot be used: ${listed(names)}.${cure}`,
    refused.map(({ place }) => place),
  );
}
