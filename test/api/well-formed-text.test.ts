import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectProblem, openApi } from './open-api.ts';

/** Half of a surrogate pair is not a character: UTF-8 has no bytes for it, and a Python client cannot print it. */

const api = openApi();

const HALVES = ['\\ud800', '\\udc00', 'a\\ud83d', '\\ude00\\ud83d', '\\uD83D\\uD83D\\uDE00', '\\udfff😀'];

/** Sends JSON text with its escapes unchanged. */
const send = (payload: string) =>
  api.request({ method: 'POST', url: '/jobs', headers: { 'content-type': 'application/json' }, payload });

/** Reads a response strictly: valid UTF-8, and no half of a pair in any key or value. */
function expectWellFormed(bytes: Buffer): void {
  const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  JSON.parse(text, (key, value: unknown) => {
    expect(key).not.toMatch(/\p{Surrogate}/u);
    if (typeof value === 'string') expect(value).not.toMatch(/\p{Surrogate}/u);
    return value;
  });
}

describe('half of a surrogate pair', () => {
  it.each(HALVES)('%s is refused in every text of a spec, and the answer is well-formed', async (half) => {
    for (const [body, pointer] of [
      [`{"name":"${half}"}`, '/name'],
      [`{"metadata":{"k":"${half}"}}`, '/metadata/k'],
      [`{"metadata":{"k":"${'x'.repeat(100)}${half}"}}`, '/metadata/k'],
    ] as const) {
      const response = await send(body);
      const { errors } = expectProblem(response, 422, 'validation_failed');
      expect(errors).toMatchObject([
        { pointer, detail: expect.stringContaining('half of a surrogate pair') },
      ]);
      expectWellFormed(response.rawPayload);
    }
    const key = await send(`{"metadata":{"${half}":"v"}}`);
    const { errors } = expectProblem(key, 422, 'validation_failed');
    expect(errors).toMatchObject([{ detail: expect.stringContaining('half of a surrogate pair') }]);
    expect(errors![0].pointer).toContain('\ufffd');
    expectWellFormed(key.rawPayload);
  });

  it.each(HALVES)('%s is not echoed from anywhere', async (half) => {
    for (const body of [
      `{"${half}":1}`,
      `{"training":{"${half}":1,"x":"${half}"}}`,
      `{"dataset":"${half}"}`,
      `{"optimizer":{"type":"${half}"}}`,
      `{"optimizer":{"type":"sgd","${half}":2}}`,
      `{"model":{"activation":"${half}","hidden_units":["${half}"]}}`,
      `{"limits":"${half}"}`,
      `"${half}"`,
      `{"${half}":1,"${half}":2}`,
      `{"metadata":{"__proto__":"${half}"}}`,
      `{"x":"${half}" oops}`,
    ]) {
      const response = await send(body);
      expect([400, 422], body).toContain(response.statusCode);
      expectWellFormed(response.rawPayload);
    }
  });

  it('is refused anywhere; whole characters come back unchanged', () =>
    fc.assert(
      fc.asyncProperty(
        fc.string({ unit: fc.constantFrom('\ud800', '\udbff', '\udc00', '\udfff', 'a', '😀', '\u0000') }),
        async (text) => {
          // JSON.stringify writes whole pairs as UTF-8 and halves as escapes.
          const response = await send(JSON.stringify({ metadata: { k: text } }));
          expectWellFormed(response.rawPayload);
          if (/\p{Surrogate}/u.test(text)) expectProblem(response, 422, 'validation_failed');
          else expect(response.json().spec.metadata.k).toBe(text);
        },
      ),
      { numRuns: 200 },
    ));

  it('does not count as a character: 64 in a key and 512 in a value are characters', async () => {
    const body = { metadata: { ['😀'.repeat(64)]: '😀'.repeat(512) } };
    expect((await api.post(body)).statusCode).toBe(202);
    expectProblem(await api.post({ metadata: { ['😀'.repeat(65)]: '' } }), 422, 'validation_failed');
    expectProblem(await api.post({ metadata: { k: '😀'.repeat(513) } }), 422, 'validation_failed');
  });

  it('is not echoed in a message of the JSON parser', async () => {
    const response = await send(`{"name":"😀😀😀😀😀😀😀😀😀😀😀" x "😀😀😀😀😀😀😀😀😀😀"}`);
    expectProblem(response, 400, 'malformed_request');
    expectWellFormed(response.rawPayload);
  });
});
