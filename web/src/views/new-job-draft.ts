import type { Job, JobSpec } from '../../../src/client/descent.ts';
import type { Field, Section } from '../api/spec-fields.ts';

/** What somebody has typed, and the spec that it means. */

export interface Draft {
  /** By pointer, only what differs from the default, as it was typed. */
  edits: Readonly<Record<string, string>>;
  metadata: readonly (readonly [key: string, value: string])[];
}

export const EMPTY: Draft = { edits: {}, metadata: [] };

export const TYPE = '/optimizer/type';

/** A value as its control shows it. */
export function typed(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (Array.isArray(value)) return value.join(', ');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** What a text means. What has no meaning is sent as it is: the server then says what is allowed. */
function meant(text: string, { kind, default: fallback }: Field): unknown {
  const plain = text.trim();
  switch (kind) {
    case 'boolean':
      return plain === 'true';
    case 'list':
      return plain === ''
        ? []
        : plain
            .split(/[\s,]+/)
            .filter(Boolean)
            .map(numberOf);
    case 'number':
      return plain === '' ? fallback : numberOf(plain);
    default:
      return text === '' ? fallback : text;
  }
}

/** A number, or an object such as a schedule. */
function numberOf(text: string): unknown {
  if (Number.isFinite(Number(text))) return Number(text);
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

/** Only what differs from the defaults. */
export function specOf({ edits, metadata }: Draft, sections: readonly Section[]): JobSpec {
  const spec: Record<string, unknown> = {};
  for (const field of sections.flatMap(({ fields }) => fields)) {
    const text = edits[field.pointer];
    if (text === undefined) continue;
    const value = meant(text, field);
    if (same(value, field.default)) continue;
    const [name, inner] = field.pointer.slice(1).split('/') as [string, string?];
    if (inner === undefined) spec[name] = value;
    else spec[name] = { ...(spec[name] as object | undefined), [inner]: value };
  }
  const { optimizer } = spec;
  // A union needs to be told which of its members is meant.
  if (optimizer !== undefined) {
    const types = sections.flatMap(({ fields }) => fields).find(({ pointer }) => pointer === TYPE);
    spec.optimizer = { type: types?.default, ...optimizer };
  }
  const pairs = metadata.filter(([key, value]) => key !== '' || value !== '');
  if (pairs.length > 0) spec.metadata = Object.fromEntries(pairs);
  return spec as JobSpec;
}

/** A draft that means the spec of a job. */
export function draftOf(spec: Job['spec'], sections: readonly Section[]): Draft {
  const edits: Record<string, string> = {};
  for (const field of sections.flatMap(({ fields }) => fields)) {
    const [name, inner] = field.pointer.slice(1).split('/') as [string, string?];
    const outer = (spec as Record<string, unknown>)[name];
    const value = inner === undefined ? outer : (outer as Record<string, unknown> | undefined)?.[inner];
    if (value !== undefined && !same(value, field.default)) edits[field.pointer] = typed(value);
  }
  return { edits, metadata: Object.entries(spec.metadata) };
}
