/** The target values of the classes of a row (rule 5), rounded to float32 once. */
export interface LabelValues {
  /** Of the row's class. */
  readonly on: number;
  /** Of each other class. */
  readonly off: number;
}

/**
 * Szegedy et al.: Rethinking the Inception architecture for computer vision (2016), section 7, as in Keras: the share
 * `smoothing`, 0 to 1, is spread over all classes. 1 and 0 without smoothing.
 */
export const labelValues = (smoothing: number, classes: number): LabelValues => ({
  on: Math.fround(1 - smoothing + smoothing / classes),
  off: Math.fround(smoothing / classes),
});
