import type { Progress } from './job.ts';

/**
 * How far a job is. The API uses it for the progress of a new job, the trainer for every update after that.
 *
 * @param msPerStep undefined before the first step.
 */
export function progressOf(
  { epoch, step }: { epoch: number; step: number },
  { epochs, steps }: { epochs: number; steps: number },
  msPerStep?: number,
): Progress {
  const isMeasured = msPerStep !== undefined && msPerStep > 0;
  return {
    epoch,
    epochs,
    step,
    steps,
    fraction: step / steps,
    eta_seconds: isMeasured ? oneDecimal(((steps - step) * msPerStep) / 1000) : null,
    steps_per_second: isMeasured ? oneDecimal(1000 / msPerStep) : null,
  };
}

const oneDecimal = (value: number): number => Math.round(value * 10) / 10;
