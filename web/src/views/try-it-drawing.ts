/** What somebody drew: light strokes on black, as the images are that the models were trained on. */

/** Cells along a side: the images that the models see have as many pixels. */
export const CELLS = 28;
/** In px of the canvas. */
const CELL = 10;
export const SIDE = CELLS * CELL;
const STROKE = 22;

export interface Point {
  x: number;
  y: number;
}

/** A drawing surface that knows nothing of events. */
export class Drawing {
  readonly #context: CanvasRenderingContext2D;
  isEmpty = true;

  constructor(canvas: HTMLCanvasElement) {
    canvas.width = SIDE;
    canvas.height = SIDE;
    this.#context = canvas.getContext('2d', { willReadFrequently: true })!;
    this.clear();
  }

  clear(): void {
    this.#context.fillStyle = '#000';
    this.#context.fillRect(0, 0, SIDE, SIDE);
    this.isEmpty = true;
  }

  /** In px of the canvas. */
  stroke(from: Point, to: Point): void {
    const context = this.#context;
    context.strokeStyle = '#fff';
    context.lineWidth = STROKE;
    context.lineCap = 'round';
    context.beginPath();
    context.moveTo(from.x, from.y);
    // A line of no length would leave no dot in some browsers.
    context.lineTo(to.x + 0.01, to.y);
    context.stroke();
    this.isEmpty = false;
  }

  /** Fits a picture into the surface. */
  show(picture: ImageBitmap): void {
    this.clear();
    const scale = Math.min(SIDE / picture.width, SIDE / picture.height);
    const [width, height] = [picture.width * scale, picture.height * scale];
    this.#context.drawImage(picture, (SIDE - width) / 2, (SIDE - height) / 2, width, height);
    this.isEmpty = false;
  }
}

/** The middle of a cell, in px of the canvas. */
export const middleOf = ({ x, y }: Point): Point => ({ x: (x + 0.5) * CELL, y: (y + 0.5) * CELL });

export const pngOf = (canvas: HTMLCanvasElement): Promise<Blob | null> =>
  new Promise((resolve) => canvas.toBlob(resolve, 'image/png'));
