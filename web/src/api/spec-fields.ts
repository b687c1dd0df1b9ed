import { type Schema, Schemas } from '../../../src/client/schemas.ts';
import { descent } from './server.ts';

/** What a job's spec consists of, as the server's OpenAPI document says it. */

/** A value that has one control. */
export interface Field {
  /** What tells it from all others: its pointer, or that and a # where it chooses a kind. */
  key: string;
  /** JSON Pointer into the spec. */
  pointer: string;
  /** Its last part in words. */
  title: string;
  description: string;
  kind: 'text' | 'number' | 'boolean' | 'choice' | 'list' | 'pairs';
  options: readonly string[];
  default: unknown;
}

/** A value of one of several kinds, each with fields of its own. */
export interface Union {
  pointer: string;
  choice: Field;
  kinds: readonly Kind[];
  default: unknown;
}

export interface Kind {
  name: string;
  /** Whether a value is of this kind. */
  is(value: unknown): boolean;
  /** The only value of the kind, or what is in each. */
  constant: unknown;
  /** The value itself, or, if `isObject`, what is in it. */
  nodes: readonly Node[];
  isObject: boolean;
}

export type Node = Field | Union;

export interface Section {
  title: string;
  description: string;
  nodes: readonly Node[];
}

export interface SpecFields {
  sections: readonly Section[];
  /** What the server says about them. */
  metadata: string;
}

let reading: Promise<SpecFields> | undefined;

/** Read once. @throws {DescentError} */
export function specFields(): Promise<SpecFields> {
  reading ??= descent.installation.openapi().then(
    (document) => fieldsOf(new Schemas(document)),
    (error: unknown) => {
      reading = undefined;
      throw error;
    },
  );
  return reading;
}

function fieldsOf(schemas: Schemas): SpecFields {
  const within = ({ properties = {} }: Schema, at: string, prefix: string): Node[] =>
    Object.entries(properties).flatMap(([name, schema]) =>
      schema.const === undefined ? [nodeOf(`${at}/${name}`, schema, prefix)] : [],
    );
  const nodeOf = (pointer: string, schema: Schema, prefix = ''): Node => {
    const found = schemas.resolve(schema);
    const all = schemas.members(found);
    if (!all.some(isObject)) {
      const field = fieldOf(pointer, found, all);
      return { ...field, title: prefix === '' ? field.title : `${prefix}: ${field.title.toLowerCase()}` };
    }
    const title = words(nameIn(pointer));
    const kinds = all.map((member) => kindOfMember(member, pointer, title, found.default));
    const fallback = kinds.find(({ is }) => is(found.default))?.name;
    const isType = found.oneOf !== undefined;
    const choice: Field = {
      key: isType ? `${pointer}/type` : `${pointer}#`,
      pointer: isType ? `${pointer}/type` : pointer,
      title: isType ? 'Type' : kinds.some(({ name }) => name === 'number') ? `${title} by` : title,
      description: isType ? 'It changes the fields beside it.' : (found.description ?? ''),
      kind: 'choice',
      options: kinds.map(({ name }) => name),
      default: fallback,
    };
    return { pointer, choice, kinds, default: found.default };
  };
  const kindOfMember = (member: Schema, pointer: string, title: string, fallback: unknown): Kind => {
    const { type, const: constant, properties } = member;
    const leaf = { isObject: false, nodes: [], constant: undefined };
    if (type === 'null') return { ...leaf, name: 'none', is: (value) => value === null, constant: null };
    if (constant !== undefined)
      return { ...leaf, name: constant, is: (value) => value === constant, constant };
    if (properties !== undefined) {
      const { const: name } = properties.type ?? {};
      return {
        name: name ?? 'on',
        is: (value) => isPlain(value) && (name === undefined || value.type === name),
        constant: name === undefined ? {} : { type: name },
        nodes: within(member, pointer, pointer === OPTIMIZER ? '' : title),
        isObject: true,
      };
    }
    if (isObject(member)) {
      const pairs = {
        ...fieldOf(pointer, { default: {} }),
        title: `${title}: pairs`,
        kind: 'pairs' as const,
      };
      return { ...leaf, name: 'pairs', is: isPlain, nodes: [pairs] };
    }
    const own = {
      ...fieldOf(pointer, { ...member, ...(isPlain(fallback) ? {} : { default: fallback }) }),
      title,
    };
    return { ...leaf, name: type ?? 'value', is: (value) => typeof value === 'number', nodes: [own] };
  };

  const properties = Object.entries(schemas.named('JobSpec').properties ?? {}).map(
    ([name, schema]) => [name, schemas.resolve(schema)] as const,
  );
  const isSection = (schema: Schema) => schema.properties !== undefined || schema.oneOf !== undefined;
  const loose = properties.filter(([name, schema]) => name !== 'metadata' && !isSection(schema));
  const sections = properties.filter(([, schema]) => isSection(schema));
  return {
    sections: [
      { title: 'Job', description: '', nodes: loose.map(([name, schema]) => nodeOf(`/${name}`, schema)) },
      ...sections.map(([name, schema]) => ({
        title: words(name),
        description: schema.description ?? '',
        nodes: schema.oneOf === undefined ? within(schema, `/${name}`, '') : [nodeOf(`/${name}`, schema)],
      })),
    ],
    metadata: properties.find(([name]) => name === 'metadata')?.[1].description ?? '',
  };
}

/** The section that is a union itself: its title is above its fields. */
const OPTIMIZER = '/optimizer';

const isObject = ({ properties, additionalProperties }: Schema): boolean =>
  properties !== undefined || typeof additionalProperties === 'object';

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const nameIn = (pointer: string): string => pointer.split('/').at(-1)!;

/** A value of the spec, or of a query. members: the schemas of which it meets one. */
export function fieldOf(
  pointer: string,
  schema: Schema,
  members: readonly Schema[] = schema.anyOf ?? [schema],
): Field {
  const main = members.find(({ type }) => type !== 'null') ?? schema;
  // Without a choice it is null, or what the server makes of the rest.
  const isOpen = members.length > 1 || schema.default === undefined;
  return {
    key: pointer,
    pointer,
    title: words(nameIn(pointer)),
    description: schema.description ?? '',
    kind: kindOf(main),
    options: [...(isOpen ? [''] : []), ...(main.enum ?? [])],
    default: schema.default,
  };
}

function kindOf({ enum: options, type }: Schema): Field['kind'] {
  if (options !== undefined) return 'choice';
  if (type === 'boolean') return 'boolean';
  if (type === 'array') return 'list';
  return type === 'number' || type === 'integer' ? 'number' : 'text';
}

const words = (name: string): string => {
  const spaced = name.replaceAll('_', ' ');
  return spaced[0]!.toUpperCase() + spaced.slice(1);
};
