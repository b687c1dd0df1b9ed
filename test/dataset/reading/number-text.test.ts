import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COMMA, numberIn, POINT } from '../../../src/dataset/reading/number-text.ts';

describe('numberIn', () => {
  it.each([
    ['0', 0],
    ['-17', -17],
    ['+3.5', 3.5],
    ['.5', 0.5],
    ['5.', 5],
    ['007', 7],
    ['1e3', 1000],
    ['-2.5E-3', -0.0025],
    ['0.1', 0.1],
    ['123456789012345678', 123456789012345680],
    ['0.3333333333333333148', 0.3333333333333333],
    ['1e999', Infinity],
    ['-inf', -Infinity],
    ['Infinity', Infinity],
  ])('%s is a number', (text, value) => {
    expect(numberIn(text, POINT)).toBe(value);
  });

  it.each([
    '',
    '-',
    '.',
    'e5',
    '1e',
    '1.2.3',
    '1,5',
    '1 000',
    '0x10',
    '1_0',
    '12a',
    '--1',
    '٣',
    'nan',
    'NaN',
    '5%',
  ])('%s is none', (text) => {
    expect(numberIn(text, POINT)).toBeNaN();
  });

  it('takes a decimal comma, and then no point', () => {
    expect(numberIn('1,5', COMMA)).toBe(1.5);
    expect(numberIn('-1,5e3', COMMA)).toBe(-1500);
    expect(numberIn('1.5', COMMA)).toBeNaN();
    expect(numberIn('1.234,5', COMMA)).toBeNaN();
    expect(numberIn('1.5e3', COMMA)).toBeNaN();
  });

  it('rounds as JavaScript does', () => {
    const digits = fc.stringMatching(/^-?\d{1,18}(\.\d{0,18})?(e-?\d{1,2})?$/);
    fc.assert(
      fc.property(digits, (text) => Object.is(numberIn(text, POINT) + 0, Number(text) + 0)),
      {
        numRuns: 2000,
      },
    );
    fc.assert(
      fc.property(
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        (x) => numberIn(String(x), POINT) + 0 === x,
      ),
    );
  });
});
