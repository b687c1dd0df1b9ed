import { expect, it } from 'vitest';
import { traceIdOf } from '../../src/api/http/trace-context.ts';

const ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';

it.each([
  [`00-${ID}-${PARENT}-01`, ID],
  // A later version may append fields.
  [`cc-${ID}-${PARENT}-01-what-comes-later`, ID],
  [`00-${ID}-${PARENT}-01-more`, undefined],
  [`ff-${ID}-${PARENT}-01`, undefined],
  [`00-${'0'.repeat(32)}-${PARENT}-01`, undefined],
  [`00-${ID}-${'0'.repeat(16)}-01`, undefined],
  [`00-${ID.toUpperCase()}-${PARENT}-01`, undefined],
  [`00-${ID}-${PARENT}`, undefined],
  ['\u001b[2J', undefined],
  [undefined, undefined],
  [[`00-${ID}-${PARENT}-01`], undefined],
])('the trace id of %j is %s', (header, id) => {
  expect(traceIdOf(header)).toBe(id);
});
