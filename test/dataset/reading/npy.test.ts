import { describe, expect, it } from 'vitest';
import { ByteRun } from '../../../src/dataset/reading/byte-run.ts';
import { NpyError, readNpyHeader, readNpyValues } from '../../../src/dataset/reading/npy.ts';
import { withArchive } from '../../../src/dataset/reading/zip.ts';
import { EXPECTED, LIMITS, made, npy } from './archive-files.ts';

async function* inPieces(bytes: Uint8Array, length: number): AsyncGenerator<Buffer> {
  for (let k = 0; k < bytes.length; k += length) yield Buffer.from(bytes.subarray(k, k + length));
}

async function read(bytes: Uint8Array, piece = 7) {
  const run = new ByteRun(inPieces(bytes, piece));
  const header = await readNpyHeader(run);
  const values = new Float64Array(header.count);
  await readNpyValues(run, header, values);
  return { header, values: [...values] };
}

/** The entries of an archive that NumPy made, by their names without .npy. */
const entriesOf = (name: string): Promise<Map<string, Buffer>> =>
  withArchive(made(name), LIMITS, async (archive) => {
    const entries = new Map<string, Buffer>();
    for (const entry of archive.entries) {
      entries.set(entry.name.replace('.npy', ''), await archive.read(entry));
    }
    return entries;
  });

describe('arrays that NumPy saved', () => {
  it('has every type, both byte orders and both orders of dims', async () => {
    const entries = await entriesOf('types.npz');
    expect(entries.size).toBe(27);
    for (const [name, bytes] of entries) {
      for (const piece of [1, 7, 1000]) {
        const { header, values } = await read(bytes, piece);
        expect(header.shape, name).toEqual(EXPECTED[name]!.shape);
        expect(values, name).toEqual(EXPECTED[name]!.values);
      }
    }
  });

  it('has versions 1, 2 and 3', async () => {
    const entries = await entriesOf('versions.npz');
    expect([...entries.values()].map((bytes) => bytes[6])).toEqual([1, 2, 3]);
    for (const bytes of entries.values()) expect((await read(bytes)).values).toEqual([1.5, 2.5]);
  });

  it('has float16: normal, subnormal, infinite, not a number', async () => {
    expect((await read((await entriesOf('refused.npz')).get('half')!)).values).toEqual([1.5]);
    // np.array([1/3, -65504, 2**-24, -0.0, inf, -inf, nan], 'f2').view('u2')
    const bits = Uint16Array.of(0x3555, 0xfbff, 0x0001, 0x8000, 0x7c00, 0xfc00, 0x7e00);
    const expected = [1365 / 4096, -65504, 2 ** -24, -0, Infinity, -Infinity, Number.NaN];
    const little = new Uint8Array(bits.buffer);
    expect((await read(npy('<f2', '(7,)', little))).values).toEqual(expected);
    expect((await read(npy('>f2', '(7,)', Buffer.from(little).swap16()))).values).toEqual(expected);
  });

  it.each([
    ['objects', /Python objects, which only pickle reads.*astype\('float32'\)/],
    ['texts', /has texts.*np\.unique/],
    ['complex', /values of type <c16/],
    ['fields', /structured array/],
  ])('refuses %s', async (name, message) => {
    const bytes = (await entriesOf('refused.npz')).get(name)!;
    await expect(read(bytes)).rejects.toThrow(NpyError);
    await expect(read(bytes)).rejects.toThrow(message);
  });
});

describe('bytes that are no array', () => {
  const two = new Uint8Array(2);
  it.each([
    ['nothing', two, 'is not a NumPy array'],
    ['half a header', npy('|u1', '(2,)', two).subarray(0, 30), 'ends within its header'],
    ['too few values', npy('|u1', '(3,)', two), 'ends after 2 of 3 values'],
    ['too many values', npy('|u1', '(1,)', two), 'exactly the 1 values of 1 bytes'],
    ['half a value', npy('<i4', '(1,)', two), 'exactly the 1 values of 4 bytes'],
    ['a shape that is no size', npy('|u1', '(99999999, 99999999, 99999999)', two), 'no size of an array'],
    ['no shape', npy('|u1', '[2]', two), 'without descr, fortran_order and shape'],
    ['a type that is none', npy('<u3', '(1,)', two), 'values of type <u3'],
    ['a long type', npy('<f16x', '(1,)', two), 'values of type <f16x'],
  ])('refuses %s', async (_, bytes, message) => {
    await expect(read(bytes)).rejects.toThrow(NpyError);
    await expect(read(bytes)).rejects.toThrow(message);
  });

  it('reads headers of other writers: other quotes, order, and Python 2', async () => {
    const header = `{"shape": (2L,), "fortran_order": False, "descr": "|u1"}\n`;
    const start = Buffer.from(`\x93NUMPY\x01\x00??${header}`, 'latin1');
    start.writeUInt16LE(header.length, 8);
    expect((await read(Buffer.concat([start, Uint8Array.of(3, 4)]))).values).toEqual([3, 4]);
  });
});
