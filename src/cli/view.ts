import type { Job, JobEvent, ResetEvent } from '../client/descent.ts';
import { printable } from '../process/printable.ts';
import { describeEvent, metrics } from './texts.ts';

/** Where a view writes: standard output, in the command. */
export interface Output {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

export interface View {
  show(event: JobEvent | ResetEvent): void;
  /** Leaves the cursor on an empty line. */
  close(): void;
}

/** On a terminal, a bar that moves; otherwise a line per event. */
export const openView = (output: Output, { progress, latest }: Job): View =>
  output.isTTY ? new Bar(output, progress, latest) : new Lines(output, progress.epochs);

const RESET = 'The server lost its latest events; the job starts again from what it has.';

class Lines implements View {
  readonly #output: Output;
  readonly #epochs: number;

  constructor(output: Output, epochs: number) {
    this.#output = output;
    this.#epochs = epochs;
  }

  show(event: JobEvent | ResetEvent): void {
    const line = event.type === 'reset' ? RESET : describeEvent(event, this.#epochs);
    if (line !== undefined) this.#output.write(`${printable(line)}\n`);
  }

  close(): void {}
}

const WIDTH = 24;
const CLEAR = '\r\u001b[K';

class Bar implements View {
  readonly #output: Output;
  #progress: Job['progress'];
  #latest: Job['latest'];
  #status = 'queued';

  constructor(output: Output, progress: Job['progress'], latest: Job['latest']) {
    this.#output = output;
    this.#progress = progress;
    this.#latest = latest;
  }

  show(event: JobEvent | ResetEvent): void {
    if (event.type === 'job.progress') this.#progress = event.data;
    else if (event.type === 'job.epoch') this.#takeEpoch(event.data);
    else if (event.type === 'job.verdict') this.#print(describeEvent(event, this.#progress.epochs)!);
    else if (event.type === 'reset') this.#print(RESET);
    else if (event.type === 'job.updated') this.#print(describeEvent(event, this.#progress.epochs)!);
    else {
      this.#status = event.type.replace('job.', '');
      if (event.type === 'job.succeeded' || event.type === 'job.failed' || event.type === 'job.cancelled') {
        this.#print(describeEvent(event, this.#progress.epochs)!);
        return;
      }
    }
    this.#draw();
  }

  close(): void {
    this.#output.write(CLEAR);
  }

  #takeEpoch(epoch: Extract<JobEvent, { type: 'job.epoch' }>['data']): void {
    const { epochs, steps } = this.#progress;
    this.#latest = epoch;
    this.#progress = {
      epoch: epoch.epoch,
      epochs,
      step: epoch.step,
      steps,
      fraction: epoch.step / steps,
      eta_seconds: Math.round((steps - epoch.step) / epoch.steps_per_second),
      steps_per_second: epoch.steps_per_second,
    };
  }

  #print(line: string): void {
    this.#output.write(`${CLEAR}${printable(line)}\n`);
  }

  #draw(): void {
    const { epoch, epochs, fraction, eta_seconds } = this.#progress;
    const full = Math.round(WIDTH * fraction);
    const parts = [
      `[${'#'.repeat(full)}${'-'.repeat(WIDTH - full)}]`,
      this.#status,
      `epoch ${epoch}/${epochs}`,
      `${Math.round(100 * fraction)} %`,
      ...(eta_seconds === null ? [] : [`eta ${duration(eta_seconds)}`]),
      ...(this.#latest === null ? [] : [metrics(this.#latest)]),
    ];
    // A line that wraps could not be drawn over.
    this.#output.write(CLEAR + parts.join('  ').slice(0, (this.#output.columns || 80) - 1));
  }
}

/** 75 -> 1 min 15 s */
const duration = (seconds: number): string =>
  seconds < 60 ? `${Math.ceil(seconds)} s` : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
