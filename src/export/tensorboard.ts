import type { MetricsRow } from '../contract/metrics-list.ts';
import type { StepRow } from '../contract/step-row.ts';
import { ProtoMessage } from './protobuf.ts';
import { encodeTfRecords } from './tfrecord.ts';
import { encodeZip, type ZipMember } from './zip.ts';

/**
 * A job's history for TensorBoard: a ZIP archive of two runs, `train` and `validation`, with the folders, tags and steps
 * of Keras's TensorBoard callback. The same rows always give the same bytes.
 */
export function encodeTensorBoard(rows: readonly MetricsRow[]): Uint8Array {
  const train = rows.map((row) => ({
    ...placeOf(row),
    scalars: {
      epoch_loss: row.loss,
      epoch_accuracy: row.accuracy,
      epoch_mae: row.mae,
      epoch_learning_rate: row.learning_rate,
    },
  }));
  const validation = rows
    .filter(({ val_loss }) => val_loss !== null)
    .map((row) => ({
      ...placeOf(row),
      scalars: { epoch_loss: row.val_loss, epoch_accuracy: row.val_accuracy, epoch_mae: row.val_mae },
    }));
  return encodeZip([
    ...(train.length > 0 ? [member('train', train)] : []),
    ...(validation.length > 0 ? [member('validation', validation)] : []),
  ]);
}

/**
 * Rows of logged steps as records of the run `train`, with the tags of Keras's callback where that writes each batch, and
 * the norm of the gradient. seconds: the time of all of them.
 */
export const encodeStepRecords = (rows: readonly StepRow[], seconds: number): Buffer =>
  encodeTfRecords(
    rows.flatMap(({ step, loss, accuracy, mae, gradient_norm }) =>
      eventsOf({
        seconds,
        step,
        scalars: { batch_loss: loss, batch_accuracy: accuracy, batch_mae: mae, gradient_norm },
      }),
    ),
  );

/** The archive of that run. @param parts its records, in order; none for an archive without a run. */
export const archiveStepRecords = (parts: readonly Buffer[], seconds: number): Uint8Array =>
  encodeZip(parts.length > 0 ? [fileOf('train', seconds, parts)] : []);

/** Keras counts the epochs from 0. */
const placeOf = ({ created_at, epoch }: MetricsRow) => ({
  seconds: Date.parse(created_at) / 1000,
  step: epoch - 1,
});

interface Point {
  seconds: number;
  step: number;
  /** By tag; none for those without a value. */
  scalars: Readonly<Record<string, number | null | undefined>>;
}

const member = (run: string, points: readonly Point[]): ZipMember =>
  fileOf(run, points[0]!.seconds, [encodeTfRecords(points.flatMap(eventsOf))]);

/** The file of a run. TensorBoard knows it by `tfevents`; the rest of the name would be time, host and process. */
function fileOf(run: string, seconds: number, records: readonly Buffer[]): ZipMember {
  const head = new ProtoMessage().double(EVENT.wallTime, seconds).add(EVENT.fileVersion, 'brain.Event:2');
  return {
    name: `${run}/events.out.tfevents.${Math.floor(seconds)}.descent.0.0.v2`,
    bytes: Buffer.concat([encodeTfRecords([head.bytes()]), ...records]),
  };
}

/** One event for each scalar. */
const eventsOf = ({ seconds, step, scalars }: Point): Buffer[] =>
  Object.entries(scalars).flatMap(([tag, value]) => {
    if (value == null) return [];
    const event = new ProtoMessage()
      .double(EVENT.wallTime, seconds)
      .int(EVENT.step, step)
      .add(
        EVENT.summary,
        new ProtoMessage().add(
          SUMMARY_VALUE,
          new ProtoMessage().add(VALUE.tag, tag).float(VALUE.simpleValue, value),
        ),
      );
    return [event.bytes()];
  });

/** Numbers of the fields in tensorflow/core/util/event.proto and tensorflow/core/framework/summary.proto. */
const EVENT = { wallTime: 1, step: 2, fileVersion: 3, summary: 5 };
const SUMMARY_VALUE = 1;
const VALUE = { tag: 1, simpleValue: 2 };
