import { z } from 'zod';

/** The figures that a run of the reference job reports, for our engines and for the peers. */
export const RunFiguresSchema = z.object({
  framework: z.string(),
  version: z.string(),
  variant: z.string(),
  threads: z.enum(['1', 'default']),
  /** Everything before the first step: reading the data, building the model, compiling. */
  compile_seconds: z.number(),
  /** All epochs, including shuffling and validation. */
  train_seconds: z.number(),
  /** Evaluation of the 10,000 test images. */
  evaluate_seconds: z.number(),
  /** Mean over all steps, without validation. */
  us_per_step: z.number(),
  /** Best decile of chunks of 50 steps, if the framework allows timing them. */
  us_per_step_best: z.number().optional(),
  /** Millions of multiplications and additions that a step cannot avoid. */
  mflop_per_step: z.number().optional(),
  test_accuracy: z.number(),
  test_loss: z.number(),
  peak_rss_mb: z.number(),
  weights_sha256: z.string().optional(),
});

export type RunFigures = z.output<typeof RunFiguresSchema>;

/** A run with its circumstances: a line of reports/bench.jsonl. */
export const BenchRowSchema = RunFiguresSchema.extend({
  date: z.iso.datetime(),
  machine: z.string(),
  /** The training data: mnist, or the name of a folder of IDX files. */
  data: z.string(),
  epochs: z.int(),
  /** Time of a fixed amount of work before and after each run, in ms; larger = the machine was slower or busy. */
  calibration_ms: z.number(),
  /** One core's float32 peak with fused multiply-adds, before and after the run; null without a C compiler. */
  peak_gflops: z.number().nullable(),
  /** The same with separate multiplications and additions, to which our kernels are limited. */
  separate_peak_gflops: z.number().nullable(),
});

export type BenchRow = z.output<typeof BenchRowSchema>;
