import { describe, expect, it } from 'vitest';
import { JobSpecSchema } from '../../src/contract/job-spec.ts';

const takes = (spec: unknown): boolean => JobSpecSchema.safeParse(spec).success;

describe('the spec', () => {
  it('does not change when it is parsed again', () => {
    const spec = JobSpecSchema.parse({});
    expect(JobSpecSchema.parse(spec)).toEqual(spec);
    expect(JobSpecSchema.parse(JSON.parse(JSON.stringify(spec)))).toEqual(spec);
  });

  it('counts characters, not UTF-16 units, and accepts only text that UTF-8 can hold', () => {
    expect(takes({ name: '😀'.repeat(200) })).toBe(true);
    expect(takes({ name: '😀'.repeat(201) })).toBe(false);
    expect(takes({ name: 'x'.repeat(201) })).toBe(false);
    expect(takes({ name: '' })).toBe(false);
    expect(takes({ name: '\udc00' })).toBe(false);
    expect(takes({ metadata: { k: '' } })).toBe(true);
    expect(takes({ metadata: { '': 'v' } })).toBe(false);
    expect(takes({ metadata: { ['😀'.repeat(64)]: '😀'.repeat(512) } })).toBe(true);
  });
});
