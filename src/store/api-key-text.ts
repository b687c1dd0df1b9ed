import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

/**
 * The text of an API key: dsc_<id>_<secret><checksum>, all in base 62. The prefix lets secret scanners find a leaked key,
 * the checksum lets them and us tell a key from a typing error without asking Redis.
 */

const PREFIX = 'dsc';
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const ID_BYTES = 8;
const ID_CHARACTERS = 11;
const SECRET_BYTES = 32;
const SECRET_CHARACTERS = 43;
const CHECKSUM_CHARACTERS = 6;

const PATTERN = new RegExp(
  `^${PREFIX}_([0-9A-Za-z]{${ID_CHARACTERS}})_([0-9A-Za-z]{${SECRET_CHARACTERS}})([0-9A-Za-z]{${CHECKSUM_CHARACTERS}})$`,
);

export interface ApiKeyText {
  id: string;
  /** SHA-256 of the secret: all that is stored of it. */
  digest: Buffer;
}

/** A new key of 256 random bits. The text is for its user alone: print it once, and never store or log it. */
export function makeApiKey(): ApiKeyText & { text: string } {
  const id = base62(randomBytes(ID_BYTES), ID_CHARACTERS);
  const secret = base62(randomBytes(SECRET_BYTES), SECRET_CHARACTERS);
  const text = `${PREFIX}_${id}_${secret}${checksumOf(id, secret)}`;
  return { id, digest: sha256(secret), text };
}

/** @returns undefined for any text that cannot be a key. */
export function parseApiKey(text: string): ApiKeyText | undefined {
  const [, id, secret, checksum] = PATTERN.exec(text) ?? [];
  if (id === undefined || secret === undefined || checksum !== checksumOf(id, secret)) return undefined;
  return { id, digest: sha256(secret) };
}

export const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

function checksumOf(id: string, secret: string): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(`${PREFIX}_${id}_${secret}`));
  return base62(bytes, CHECKSUM_CHARACTERS);
}

/** Big-endian, padded with zeros to a fixed length. */
function base62(bytes: Buffer, characters: number): string {
  let rest = BigInt(`0x${bytes.toString('hex')}`);
  let text = '';
  for (let k = 0; k < characters; k += 1) {
    text = ALPHABET[Number(rest % 62n)]! + text;
    rest /= 62n;
  }
  return text;
}
