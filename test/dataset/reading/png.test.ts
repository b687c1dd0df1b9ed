import { crc32, deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { PngError, readPng, readPngHeader } from '../../../src/dataset/reading/png.ts';
import { withArchive } from '../../../src/dataset/reading/zip.ts';
import { EXPECTED, LIMITS, made } from './archive-files.ts';

const forms = (): Promise<Map<string, Buffer>> =>
  withArchive(made('forms.zip'), LIMITS, async (archive) => {
    const found = new Map<string, Buffer>();
    for (const entry of archive.entries) found.set(entry.name.replace('.png', ''), await archive.read(entry));
    return found;
  });

it('reads every form of PNG as Pillow does', async () => {
  const pictures = await forms();
  expect([...pictures.keys()].sort()).toEqual(Object.keys(EXPECTED.forms).sort());
  for (const [name, bytes] of pictures) {
    expect(readPngHeader(bytes), name).toMatchObject({ width: 7, height: 5 });
    expect([...readPng(bytes)], name).toEqual(EXPECTED.forms[name]);
  }
});

function chunk(type: string, content: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type), content]);
  const [length, crc] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(content.length);
  crc.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, crc]);
}

function png(width: number, height: number, interlaced: number, pixels: Buffer): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width);
  header.writeUInt32BE(height, 4);
  header.set([8, 0, 0, 0, interlaced], 8);
  const chunks = [chunk('IHDR', header), chunk('IDAT', deflateSync(pixels)), chunk('IEND', Buffer.alloc(0))];
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), ...chunks]);
}

describe('refuses', () => {
  it.each([
    ['a JPEG', Buffer.from('ffd8ffe000104a464946', 'hex'), 'It is a JPEG picture. Save it as PNG'],
    ['a GIF', Buffer.from('GIF89a'), 'It is a GIF picture'],
    ['text', Buffer.from('hello'), 'It is not a PNG picture.'],
    ['nothing', Buffer.alloc(0), 'It is not a PNG picture.'],
    ['pictures without pixels', png(0, 5, 0, Buffer.alloc(0)), 'It is damaged: it has no pixels.'],
    ['huge ones', png(2 ** 31, 2 ** 31, 0, Buffer.alloc(0)), 'at most 16777216 are taken'],
    ['too few pixels', png(4, 4, 0, Buffer.alloc(19)), 'It is damaged: 19 of 20 bytes of pixels are there'],
    ['bombs', png(4, 4, 1, Buffer.alloc(10_000_000)), 'It is damaged: Cannot create a Buffer larger than'],
    ['cut ones', png(4, 4, 0, Buffer.alloc(20)).subarray(0, 50), 'It is damaged'],
  ])('%s', (_, bytes, message) => {
    expect(() => readPng(bytes)).toThrow(PngError);
    expect(() => readPng(bytes)).toThrow(message);
  });
});
