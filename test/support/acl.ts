import type { Redis } from 'ioredis';
import { grantLine, type Role } from '../../src/redis/rights.ts';

/** Runs the documented line on the server, with a password filled in. */
export async function grant(
  admin: Redis,
  root: string,
  user: string,
  roles?: readonly Role[],
): Promise<void> {
  const line = grantLine(root, user, roles === undefined ? {} : { roles }).replace('<password>', 'secret');
  const [command, ...words] = line.split(' ');
  await admin.call(command!, ...words);
}
