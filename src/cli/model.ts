import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { ModelFormat } from '../client/descent.ts';
import { EXIT } from './failure.ts';
import type { Context } from './jobs.ts';

/** Saves a model under its final name only when all of it is there. */
export async function saveModel(
  { descent, asJson }: Context,
  id: string,
  { format, output }: { format: string; output?: string },
): Promise<number> {
  const { name, body } = await descent.jobs.model(id, { format: format as ModelFormat });
  const file = output ?? basename(name);
  const bytes = await write(body, file);
  console.log(asJson ? JSON.stringify({ id, file, bytes }) : `${file} (${bytes} bytes)`);
  return EXIT.succeeded;
}

/** @returns the number of bytes */
async function write(body: ReadableStream<Uint8Array>, file: string): Promise<number> {
  const temporary = join(dirname(file), `.${basename(file)}.${randomBytes(4).toString('hex')}`);
  const handle = await open(temporary, 'wx');
  try {
    let bytes = 0;
    for await (const chunk of body) {
      await handle.writeFile(chunk);
      bytes += chunk.byteLength;
    }
    await handle.sync();
    await handle.close();
    await rename(temporary, file);
    return bytes;
  } catch (error) {
    await handle.close().catch(() => {});
    await rm(temporary, { force: true });
    throw error;
  }
}
