import { expect, it } from 'vitest';
import { cutAtGaps, Gap } from '../../src/store/json-gaps.ts';

it('cuts JSON into pieces that values in the gaps complete', () => {
  const first = new Gap();
  const second = new Gap();
  const [a, b, c] = cutAtGaps({ text: 'gap "', first, list: [1, { second }] }, first, second);
  expect(JSON.parse(`${a}1.5${b}"x"${c}`)).toEqual({ text: 'gap "', first: 1.5, list: [1, { second: 'x' }] });
});

it('is not fooled by text that looks like a gap', () => {
  const gap = new Gap();
  const pieces = cutAtGaps({ mark: `"${new Gap().mark}"`, gap }, gap);
  expect(pieces).toHaveLength(2);
});

it('refuses gaps that are missing or out of order', () => {
  const first = new Gap();
  const second = new Gap();
  expect(() => cutAtGaps({ first }, second)).toThrow('a gap is missing');
  expect(() => cutAtGaps({ first, second }, second, first)).toThrow('a gap is missing');
});
