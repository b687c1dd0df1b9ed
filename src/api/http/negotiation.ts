import type { FastifyReply, FastifyRequest } from 'fastify';
import { ProblemError } from './problems.ts';
import { addVary } from './vary.ts';

interface Range {
  type: string;
  quality: number;
}

function parseAccept(accept: string): Range[] {
  return accept.split(',').flatMap((part) => {
    const [type = '', ...parameters] = part.split(';').map((piece) => piece.trim().toLowerCase());
    if (type === '') return [];
    const quality = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
    const value = quality === undefined ? 1 : Number(quality);
    return [{ type, quality: value >= 0 && value <= 1 ? value : 1 }];
  });
}

/** 2 = named, 1 = type/*, 0 = anything, -1 = no match. */
function closeness(range: string, offered: string): number {
  if (range === offered) return 2;
  if (range === '*/*') return 0;
  return range.endsWith('/*') && offered.startsWith(range.slice(0, -1)) ? 1 : -1;
}

/**
 * Picks the offer that the Accept header prefers; without an Accept header, the first. Among equal qualities a type
 * named in full wins over a wildcard match. The answer then varies by Accept.
 * @throws {ProblemError} not_acceptable
 */
export function negotiate<Type extends string>(
  request: FastifyRequest,
  reply: FastifyReply,
  offers: readonly [Type, ...Type[]],
): Type {
  addVary(reply, 'Accept');
  const accept = request.headers.accept;
  if (accept === undefined || accept.trim() === '') return offers[0];
  const ranges = parseAccept(accept);
  let best: { offer: Type; quality: number; close: number } | undefined;
  for (const offer of offers) {
    const match = ranges
      .map(({ type, quality }) => ({ quality, close: closeness(type, offer) }))
      .reduce((a, b) => (b.close > a.close ? b : a), { quality: 0, close: -1 });
    if (match.quality === 0) continue;
    const wins =
      best === undefined ||
      match.quality > best.quality ||
      (match.quality === best.quality && match.close > best.close);
    if (wins) best = { offer, ...match };
  }
  if (best === undefined) {
    throw new ProblemError(
      'not_acceptable',
      `The Accept header matches no type offered here. Accept one of ${offers.join(', ')}.`,
    );
  }
  return best.offer;
}
