import { expect, it } from 'vitest';
import { isPackedText, packText, unpackText } from '../../src/store/packed-text.ts';

it.each([
  ['nothing', ''],
  ['a text', '{"epoch":1,"loss":0.25}\0é\u{1f600}'],
  ['a long one', '{"epoch":1}'.repeat(50_000)],
])('%s is unpacked as it was', async (_what, text) => {
  const packed = await packText(text);
  expect(isPackedText(packed)).toBe(true);
  expect(unpackText(packed)).toBe(text);
});

it('what was packed with this dictionary stays readable', () => {
  expect(unpackText(STORED)).toBe(TEXT);
});

const TEXT = '["job.epoch","1795940300139","{\\"epoch\\":1,\\"step\\":1500}"],"optimizer":{"type":"adam"}';
// cspell:disable-next-line
const STORED = '1:I7cGBVVYuIveWgA=';

it('a packed text is short', async () => {
  const events = Array.from(
    { length: 10 },
    (_, i) => `["job.epoch","1795940300${100 + i}","{\\"epoch\\":${i},`,
  );
  expect((await packText(events.join())).length).toBeLessThan(120);
});
