import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Installation } from '../end-to-end/installation.ts';

/** Runs `npm run keys` for an installation, and returns what it prints. */
export async function runKeys(
  { redisUrl, keyPrefix }: Installation,
  ...args: readonly string[]
): Promise<string> {
  const env = { PATH: process.env.PATH, REDIS_URL: redisUrl, KEY_PREFIX: keyPrefix };
  const { stdout } = await promisify(execFile)(process.execPath, ['dist/src/keys.js', ...args], { env });
  return stdout.trim();
}
