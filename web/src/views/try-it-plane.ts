import type { DatasetRows } from '../../../src/client/types.ts';

/** A plane with points and what a model says of each place in it. */

export interface Plane {
  side: number;
  /** (side * side, classes), from the upper left on, line by line. */
  probabilities: readonly (readonly number[])[];
}

interface Range {
  from: number;
  to: number;
}

export interface Points {
  x: Range;
  y: Range;
  /** class -1: one that the model does not know. */
  points: readonly { x: number; y: number; class: number }[];
  /** The middles of the places, as `probabilities` has them. */
  grid: [number, number][];
}

/** The points, and the places of a plane that has some room around them. */
export function pointsOf(rows: DatasetRows['data'], classes: readonly string[], side: number): Points {
  const points = rows.map(({ values, target }) => ({
    x: Number(values[0]),
    y: Number(values[1]),
    class: classes.indexOf(String(target)),
  }));
  const x = rangeOf(points.map((point) => point.x));
  const y = rangeOf(points.map((point) => point.y));
  const middle = ({ from, to }: Range, at: number) => from + ((to - from) * (at + 0.5)) / side;
  const grid = Array.from({ length: side * side }, (_, i): [number, number] => [
    middle(x, i % side),
    middle(y, side - 1 - Math.floor(i / side)),
  ]);
  return { x, y, points, grid };
}

function rangeOf(values: readonly number[]): Range {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const room = 0.08 * (most - least || 1);
  return { from: least - room, to: most + room };
}

const placeOf = ({ x, y }: { x: number; y: number }, all: Points) => ({
  x: (x - all.x.from) / (all.x.to - all.x.from),
  y: 1 - (y - all.y.from) / (all.y.to - all.y.from),
});

const highest = (shares: readonly number[]): number => shares.indexOf(Math.max(...shares));

/** The share of the plane that the model gives to each class. */
export function sharesOf({ probabilities }: Plane): number[] {
  const counts = (probabilities[0] ?? []).map(() => 0);
  for (const each of probabilities) counts[highest(each)]! += 1;
  return counts.map((count) => count / probabilities.length);
}

/** The share of the points that lie where the model says their class. */
export function shareRight({ side, probabilities }: Plane, all: Points): number {
  const right = all.points.filter((point) => {
    const { x, y } = placeOf(point, all);
    const at = Math.floor(y * side) * side + Math.floor(x * side);
    return highest(probabilities[at]!) === point.class;
  });
  return right.length / all.points.length;
}

/** How much of a colour the plane has; the points have all of it. */
const STRENGTH = 0.45;

/** colours: of the classes, as #rrggbb. Each class has a mark of its own, too. */
export function drawPlane(
  canvas: HTMLCanvasElement,
  plane: Plane,
  all: Points,
  colours: readonly string[],
): void {
  const context = canvas.getContext('2d')!;
  const { side, probabilities } = plane;
  const channels = colours.map((colour) =>
    [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16)),
  );
  const size = canvas.width / side;
  for (const [i, shares] of probabilities.entries()) {
    const mixed = [0, 1, 2].map((channel) => {
      const full = shares.reduce((sum, share, at) => sum + share * channels[at]![channel]!, 0);
      return Math.round(255 + STRENGTH * (full - 255));
    });
    context.fillStyle = `rgb(${mixed.join(' ')})`;
    context.fillRect((i % side) * size, Math.floor(i / side) * size, size, size);
  }
  context.strokeStyle = '#fff';
  context.lineWidth = 1.5;
  for (const point of all.points) {
    const { x, y } = placeOf(point, all);
    context.fillStyle = colours[point.class] ?? '#000';
    context.beginPath();
    mark(context, point.class % 4, x * canvas.width, y * canvas.height);
    context.fill();
    context.stroke();
  }
}

/** px */
const RADIUS = 5;

/** A circle, a square, a diamond or a triangle. */
function mark(context: CanvasRenderingContext2D, which: number, x: number, y: number): void {
  if (which === 0) {
    context.arc(x, y, RADIUS, 0, 2 * Math.PI);
    return;
  }
  if (which === 1) {
    context.rect(x - RADIUS, y - RADIUS, 2 * RADIUS, 2 * RADIUS);
    return;
  }
  const corners = which === 2 ? [0, 0.25, 0.5, 0.75] : [0.75, 1 / 12, 5 / 12];
  for (const turn of corners) {
    context.lineTo(
      x + 1.3 * RADIUS * Math.cos(2 * Math.PI * turn),
      y + 1.3 * RADIUS * Math.sin(2 * Math.PI * turn),
    );
  }
  context.closePath();
}
