import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalHost, canonicalPattern, isAddress, isLoopback } from '../../src/process/host-name.ts';

const text = fc.string({
  unit: fc.constantFrom(...'aZ09.-_:[]%*/@#?\\ \tfé', 'localhost', '127.0.0.1', '::1'),
});

describe('a canonical host', () => {
  it.each([
    ['[0:0:0:0:0:0:0:1]:80', '[::1]'],
    ['0:0:0:0:0:0:0:1', '[::1]'],
    ['::ffff:7f00:1', '127.0.0.1'],
    ['[::FFFF:192.168.1.5]', '192.168.1.5'],
    ['FE80::A%eth0', '[fe80::a]'],
    ['127.1', '127.0.0.1'],
    [' Gpu-Box.:3000 ', 'gpu-box'],
  ])('of %j is %s', (given, canonical) => {
    expect(canonicalHost(given)).toBe(canonical);
  });

  it.each([
    '',
    ' ',
    '.',
    ':80',
    '[::1',
    '::1]',
    '[::1]x',
    'a b',
    'a@b',
    'a/b',
    'a:b',
    'a:1:2',
    '*',
    '%61',
    'a..',
  ])('there is none of %j', (given) => {
    expect(canonicalHost(given)).toBeUndefined();
  });

  it('is its own canonical host', () => {
    fc.assert(
      fc.property(text, (given) => {
        const host = canonicalHost(given);
        if (host === undefined) return;
        expect(canonicalHost(host)).toBe(host);
        expect(canonicalHost(`${host}:3000`)).toBe(host);
        expect(canonicalPattern(`https://${host}:3000/descent/`)).toBe(host);
      }),
      { numRuns: 2_000 },
    );
  });

  it('of a name under a foreign domain is neither the loopback nor an address', () => {
    fc.assert(
      fc.property(text, (given) => {
        const host = canonicalHost(`${given}.evil.example`);
        expect(host !== undefined && (isLoopback(host) || isAddress(host))).toBe(false);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('an entry of ALLOWED_HOSTS', () => {
  it.each([
    ['https://a.example/descent?x#y', 'a.example'],
    ['a.example/', 'a.example'],
    ['10.0.0.0/8', undefined],
    ['a.example/descent', undefined],
    ['fe80::/10', undefined],
  ])('%s is %s', (text, host) => {
    expect(canonicalPattern(text)).toBe(host);
  });
});
