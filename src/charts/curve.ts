import type { Curve } from '../contract/comparison.ts';

/** A measure of a job along its epochs: what all charts of it have in common. */

export interface Point {
  /** The epoch. */
  x: number;
  y: number;
}

export const QUANTITIES = {
  loss: { label: 'Loss', bounds: { min: 0, max: Number.POSITIVE_INFINITY } },
  accuracy: { label: 'Accuracy', bounds: { min: 0, max: 1 } },
  mae: { label: 'MAE', bounds: { min: 0, max: Number.POSITIVE_INFINITY } },
} as const;

export type Quantity = keyof typeof QUANTITIES;

/** Training Loss, Validation Accuracy and the like. */
export function curveTitle(curve: Curve): string {
  const rows = curve.startsWith('val_') ? 'Validation' : 'Training';
  return `${rows} ${QUANTITIES[quantityOf(curve)].label}`;
}

export const quantityOf = (curve: Curve): Quantity => curve.replace('val_', '') as Quantity;

/** The epochs that have a value. */
export const pointsOf = (
  rows: readonly ({ epoch: number } & { [Name in Curve]?: number | null | undefined })[],
  curve: Curve,
) =>
  rows.flatMap((row): Point[] => {
    const y = row[curve];
    return y == null ? [] : [{ x: row.epoch, y }];
  });

/** "Training Loss: 0.2671 after epoch 1, 0.0230 after epoch 10." */
export function tell(label: string, points: readonly Point[]): string {
  const first = points[0];
  const last = points.at(-1);
  if (first === undefined || last === undefined) return `${label}: no values.`;
  const start = `${label}: ${say(first.y)} after epoch ${first.x}`;
  return first === last ? `${start}.` : `${start}, ${say(last.y)} after epoch ${last.x}.`;
}

const say = (value: number): string => String(Number(value.toPrecision(4)));
