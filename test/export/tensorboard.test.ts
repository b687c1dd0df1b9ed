import { expect, it } from 'vitest';
import type { MetricsRow } from '../../src/contract/metrics-list.ts';
import { encodeTensorBoard } from '../../src/export/tensorboard.ts';
import { unzip } from './unzip.ts';

/** Reads event files as their formats are specified; it shares no code with the writer. */

const rowOf = (epoch: number, validated: boolean): MetricsRow => ({
  epoch,
  step: epoch * 1500,
  loss: 1 / epoch,
  accuracy: 1 - 0.5 / epoch,
  val_loss: validated ? 1.1 / epoch : null,
  val_accuracy: validated ? 1 - 0.6 / epoch : null,
  learning_rate: 0.001,
  duration_seconds: 1,
  steps_per_second: 1500,
  seq: epoch + 2,
  created_at: new Date(Date.UTC(2026, 10, 22, 10, 0, epoch, 250)).toISOString(),
});

/** CRC-32C bit by bit, masked as TFRecord wants it. */
function maskedCrc(bytes: Uint8Array): number {
  let crc = 0xffffffffn;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >> 1n) ^ (crc & 1n ? 0x82f63b78n : 0n);
  }
  crc ^= 0xffffffffn;
  return Number((((crc >> 15n) | (crc << 17n)) + 0xa282ead8n) & 0xffffffffn);
}

function recordsOf(file: Buffer): Buffer[] {
  const records: Buffer[] = [];
  for (let at = 0; at < file.length; ) {
    const length = Number(file.readBigUInt64LE(at));
    expect(file.readUInt32LE(at + 8)).toBe(maskedCrc(file.subarray(at, at + 8)));
    const record = file.subarray(at + 12, at + 12 + length);
    expect(file.readUInt32LE(at + 12 + length)).toBe(maskedCrc(record));
    records.push(record);
    at += 16 + length;
  }
  return records;
}

/** The fields of a message, by number; each occurs once here. */
function fieldsOf(message: Buffer): Map<number, number | Buffer> {
  const fields = new Map<number, number | Buffer>();
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = message[at++]!;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  const next = (length: number) => {
    at += length;
    return message.subarray(at - length, at);
  };
  while (at < message.length) {
    const tag = varint();
    const read = {
      0: varint,
      1: () => next(8).readDoubleLE(),
      2: () => next(varint()),
      5: () => next(4).readFloatLE(),
    }[tag & 7]!;
    fields.set(tag >> 3, read());
  }
  return fields;
}

function scalarsOf(file: Buffer) {
  const [version, ...events] = recordsOf(file).map(fieldsOf);
  expect(String(version!.get(3))).toBe('brain.Event:2');
  return events.map((event) => {
    const value = fieldsOf(fieldsOf(event.get(5) as Buffer).get(1) as Buffer);
    return [event.get(1), event.get(2), String(value.get(1)), value.get(2)];
  });
}

it('has the two runs of the callback of Keras, with its tags and steps', () => {
  const rows = [rowOf(1, true), rowOf(2, true), rowOf(300, true)];
  const members = unzip(encodeTensorBoard(rows));
  const name = `events.out.tfevents.${Date.UTC(2026, 10, 22, 10, 0, 1) / 1000}.descent.0.0.v2`;
  expect([...members.keys()]).toEqual([`train/${name}`, `validation/${name}`]);
  const at = (row: MetricsRow) => [Date.parse(row.created_at) / 1000, row.epoch - 1];
  expect(scalarsOf(members.get(`train/${name}`)!)).toEqual(
    rows.flatMap((row) => [
      [...at(row), 'epoch_loss', Math.fround(row.loss)],
      [...at(row), 'epoch_accuracy', Math.fround(row.accuracy!)],
      [...at(row), 'epoch_learning_rate', Math.fround(row.learning_rate)],
    ]),
  );
  expect(scalarsOf(members.get(`validation/${name}`)!)).toEqual(
    rows.flatMap((row) => [
      [...at(row), 'epoch_loss', Math.fround(row.val_loss!)],
      [...at(row), 'epoch_accuracy', Math.fround(row.val_accuracy!)],
    ]),
  );
  expect(Buffer.from(encodeTensorBoard(rows)).equals(encodeTensorBoard(rows))).toBe(true);
});

it('has no run for what was not measured', () => {
  expect([...unzip(encodeTensorBoard([rowOf(1, false)])).keys()]).toEqual([
    expect.stringMatching(/^train\//),
  ]);
  expect(unzip(encodeTensorBoard([])).size).toBe(0);
});
