import { z } from 'zod';

/** What one run of the reference job says of itself: our engines and the peers alike. */
export const RunFiguresSchema = z.object({
  framework: z.string(),
  version: z.string(),
  variant: z.string(),
  threads: z.enum(['1', 'default']),
  /** What comes before the first step of training: reading data, making the model, compiling. */
  compile_seconds: z.number(),
  /** All epochs with their shuffling and their validation. */
  train_seconds: z.number(),
  /** The 10,000 test images. */
  evaluate_seconds: z.number(),
  /** Mean over all steps, without validation. */
  us_per_step: z.number(),
  /** Best decile of chunks of 50 steps, where steps can be timed so. */
  us_per_step_best: z.number().optional(),
  /** Multiplications and additions of a step that cannot be left out: 10^6. */
  mflop_per_step: z.number().optional(),
  test_accuracy: z.number(),
  test_loss: z.number(),
  peak_rss_mb: z.number(),
  weights_sha256: z.string().optional(),
});

export type RunFigures = z.output<typeof RunFiguresSchema>;

/** A run with what was around it: a line of reports/bench.jsonl. */
export const BenchRowSchema = RunFiguresSchema.extend({
  date: z.iso.datetime(),
  machine: z.string(),
  /** What it was trained on: mnist, or the name of a folder of IDX files. */
  data: z.string(),
  epochs: z.int(),
  /** The same work before and after each run, in ms: larger = the machine was slower, or busy. */
  calibration_ms: z.number(),
  /** One core's float32 peak with fused multiply-adds, before and after the run; null where there is no C compiler. */
  peak_gflops: z.number().nullable(),
  /** The same with multiplications and additions apart, which is what our kernels may use. */
  separate_peak_gflops: z.number().nullable(),
});

export type BenchRow = z.output<typeof BenchRowSchema>;
