import { descent } from './server.ts';

/** What a job's spec consists of, as the server's OpenAPI document says it. */

export interface Schema {
  $ref?: string;
  type?: string;
  const?: string;
  enum?: string[];
  default?: unknown;
  description?: string;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  items?: Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
}

export interface Field {
  /** JSON Pointer into the spec. */
  pointer: string;
  /** Its last part in words. */
  title: string;
  description: string;
  kind: 'text' | 'number' | 'boolean' | 'choice' | 'list';
  options: readonly string[];
  default: unknown;
}

export interface Section {
  title: string;
  description: string;
  fields: readonly Field[];
}

export interface SpecFields {
  /** The sections of a spec with that optimizer. */
  sections(optimizer: string): Section[];
  metadata: string;
}

interface Document {
  components: { schemas: Record<string, Schema> };
}

let reading: Promise<SpecFields> | undefined;

/** Read once. @throws {DescentError} */
export function specFields(): Promise<SpecFields> {
  reading ??= descent.installation.openapi().then(
    (document) => fieldsOf(document as Document),
    (error: unknown) => {
      reading = undefined;
      throw error;
    },
  );
  return reading;
}

/** `optimizer/type` is a field of its own, since its options are the union's. */
const OPTIMIZER = '/optimizer';

function fieldsOf({ components: { schemas } }: Document): SpecFields {
  /** What is beside a reference goes before what it refers to. */
  const resolve = (schema: Schema): Schema => {
    if (schema.$ref === undefined) return schema;
    const { $ref, ...own } = schema;
    return { ...resolve(schemas[$ref.split('/').at(-1)!]!), ...own };
  };
  const spec = resolve(schemas.JobSpec!);
  const properties = Object.entries(spec.properties ?? {}).map(
    ([name, schema]) => [name, resolve(schema)] as const,
  );
  const isSection = (schema: Schema) => schema.properties !== undefined || schema.oneOf !== undefined;
  const fieldsIn = (schema: Schema, at: string) =>
    Object.entries(schema.properties ?? {}).flatMap(([name, each]) => {
      const found = resolve(each);
      return found.const === undefined ? [fieldOf(`${at}/${name}`, found)] : [];
    });
  const section = (name: string, schema: Schema, optimizer: string): Section => {
    const at = `/${name}`;
    const { description = '' } = schema;
    if (at !== OPTIMIZER) return { title: words(name), description, fields: fieldsIn(schema, at) };
    const variants = (schema.oneOf ?? []).map(resolve);
    const types = variants.map(({ properties: its }) => its!.type!.const!);
    const fallback = (schema.default as { type: string }).type;
    const type = fieldOf(`${at}/type`, {
      enum: types,
      default: fallback,
      description: 'The update rule. It changes the fields beside it.',
    });
    const chosen = variants[Math.max(0, types.indexOf(optimizer))]!;
    return { title: words(name), description, fields: [type, ...fieldsIn(chosen, at)] };
  };
  const loose = properties.filter(([name, schema]) => name !== 'metadata' && !isSection(schema));
  const sections = properties.filter(([, schema]) => isSection(schema));
  return {
    sections: (optimizer) => [
      { title: 'Job', description: '', fields: loose.map(([name, schema]) => fieldOf(`/${name}`, schema)) },
      ...sections.map(([name, schema]) => section(name, schema, optimizer)),
    ],
    metadata: properties.find(([name]) => name === 'metadata')?.[1].description ?? '',
  };
}

/** A value of the spec, or of a query. */
export function fieldOf(pointer: string, schema: Schema): Field {
  const main = schema.anyOf?.find(({ type }) => type !== 'null') ?? schema;
  return {
    pointer,
    title: words(pointer.split('/').at(-1)!),
    description: schema.description ?? '',
    kind: kindOf(main),
    // Without a choice it is null, or what the server makes of the rest.
    options: [...(main === schema && schema.default !== undefined ? [] : ['']), ...(main.enum ?? [])],
    default: schema.default,
  };
}

/** An object is written as JSON, which numbers are, too. */
function kindOf({ enum: options, type, $ref }: Schema): Field['kind'] {
  if (options !== undefined) return 'choice';
  if (type === 'boolean') return 'boolean';
  if (type === 'array') return 'list';
  return $ref || type === 'number' || type === 'integer' ? 'number' : 'text';
}

const words = (name: string): string => {
  const spaced = name.replaceAll('_', ' ');
  return spaced[0]!.toUpperCase() + spaced.slice(1);
};
