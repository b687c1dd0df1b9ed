import { gzipSync } from 'node:zlib';
import { rolldown } from 'rolldown';
import { expect, it } from 'vitest';

/** That no Node API is used is checked by src/client/tsconfig.json, which knows only those of browsers. */
it('the client is a small bundle for a browser, made of itself alone', async () => {
  const bundle = await rolldown({ input: 'src/client/descent.ts', platform: 'browser', logLevel: 'silent' });
  const { output } = await bundle.generate({ format: 'esm', minify: true });
  expect(output).toHaveLength(1);
  expect(output[0].imports).toEqual([]);
  expect(output[0].moduleIds.filter((id) => !id.includes('/src/client/'))).toEqual([]);
  const { length } = gzipSync(output[0].code);
  expect(length).toBeGreaterThan(1_000);
  expect(length).toBeLessThan(5_000);
});
