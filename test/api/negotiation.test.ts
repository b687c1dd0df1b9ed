import { describe, expect, it } from 'vitest';
import { COMMITTED, filledPath, openApi } from './open-api.ts';

const ORIGIN = 'https://lab.example';
const api = openApi({ corsOrigins: [ORIGIN] });

const GETS = Object.entries(COMMITTED.paths).flatMap(([path, { get }]) =>
  get === undefined ? [] : [{ path, offers: '406' in (get as { responses: object }).responses }],
);

describe('what a client accepts', () => {
  it.each(GETS)('of GET $path is looked at only if the document says so', async ({ path, offers }) => {
    const id = await api.succeeded();
    const query = path.startsWith('/compare') ? `?jobs=${id}` : '';
    const url = `${filledPath(path, id)}${query}`;
    // The answers are compared with the document.
    const { statusCode, headers } = await api.request({
      url,
      headers: { accept: 'application/unknown', origin: ORIGIN },
    });
    if (offers) expect(statusCode).toBe(406);
    else expect(statusCode).not.toBe(406);
    const vary = String(headers.vary).split(', ');
    expect(vary).toContain('Origin');
    expect(vary.includes('Accept')).toBe(offers);
  });

  it('is offered in more than one form somewhere', () => {
    expect(GETS.filter(({ offers }) => offers).length).toBeGreaterThan(3);
  });
});
