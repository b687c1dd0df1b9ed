import { z } from 'zod';

/** Generates the JSON Schemas of the OpenAPI document from zod. */

export type SchemaObject = Record<string, unknown>;

type Direction = 'input' | 'output';

const REF = '#/components/schemas/';

/**
 * Builds schemas for requests (input: fields with a default are optional) and responses (output: all fields are
 * present), and collects the named schemas that are used. If both forms of a named schema are used and differ, the
 * name of the output form begins with `Normalised`.
 */
export class OpenApiSchemas {
  readonly #named: Record<Direction, Record<string, SchemaObject>>;
  readonly #used: Record<string, SchemaObject> = {};

  readonly #inputs: ReadonlySet<string>;

  /** @param bodies every input schema that contains named schemas. */
  constructor(bodies: readonly z.ZodType[]) {
    this.#named = { input: namedSchemas('input'), output: namedSchemas('output') };
    this.#inputs = new Set();
    for (const body of bodies) this.input(body);
    this.#inputs = new Set(Object.keys(this.#used));
  }

  input(schema: z.ZodType): SchemaObject {
    return this.#use(schema, 'input');
  }

  output(schema: z.ZodType): SchemaObject {
    return this.#use(schema, 'output');
  }

  /** The named schemas in use, by name. */
  components(): Record<string, SchemaObject> {
    return Object.fromEntries(Object.entries(this.#used).sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  #use(schema: z.ZodType, direction: Direction): SchemaObject {
    const id = z.globalRegistry.get(schema)?.id;
    if (id !== undefined) return this.#refer(id, direction);
    return this.#adopt(z.toJSONSchema(schema, options(direction)), direction);
  }

  #refer(id: string, direction: Direction): SchemaObject {
    const name = this.#nameOf(id, direction);
    if (!Object.hasOwn(this.#used, name)) {
      // Registered before it is filled, because schemas may refer to each other.
      this.#used[name] = {};
      Object.assign(this.#used[name], this.#adopt(this.#named[direction][id] ?? {}, direction));
    }
    return { $ref: `${REF}${name}` };
  }

  #nameOf(id: string, direction: Direction): string {
    if (direction === 'input' || !this.#inputs.has(id)) return id;
    return this.#differs(id, new Set()) ? `Normalised${id}` : id;
  }

  /** Whether this schema, or one that it refers to, has two different forms. */
  #differs(id: string, seen: Set<string>): boolean {
    if (seen.has(id)) return false;
    seen.add(id);
    const { input, output } = this.#named;
    if (JSON.stringify(input[id]) !== JSON.stringify(output[id])) return true;
    return refsOf(input[id]).some((ref) => this.#differs(ref, seen));
  }

  /** Points references at the components and drops zod's own keywords. */
  #adopt(schema: SchemaObject, direction: Direction): SchemaObject {
    const { $schema: _schema, $id: _id, $defs: _defs, ...rest } = schema;
    this.#mapDiscriminator(rest, direction);
    return mapRefs(rest, (id) => this.#refer(id, direction).$ref as string) as SchemaObject;
  }

  /** Maps each tag value to its schema; without the mapping, a tag value would have to equal the schema's name. */
  #mapDiscriminator({ discriminator, oneOf }: SchemaObject, direction: Direction): void {
    if (discriminator === undefined) return;
    const tag = discriminator as { propertyName: string; mapping?: Record<string, string> };
    const ids = refsOf(oneOf);
    tag.mapping = Object.fromEntries(
      ids.map((id) => {
        const properties = this.#named[direction][id]?.properties as Record<string, { const: string }>;
        return [properties[tag.propertyName].const, this.#refer(id, direction).$ref as string];
      }),
    );
  }
}

const options = (io: Direction) => ({
  io,
  unrepresentable: 'any' as const,
  override: ({ zodSchema, jsonSchema }: { zodSchema: z.core.$ZodTypes; jsonSchema: SchemaObject }) => {
    const { def } = zodSchema._zod;
    if (def.type === 'union' && 'discriminator' in def) {
      jsonSchema.discriminator = { propertyName: def.discriminator };
    }
    // zod adds the bounds of JavaScript's safe integers, which are not limits of this API.
    if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
    if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  },
});

const namedSchemas = (io: Direction): Record<string, SchemaObject> =>
  z.toJSONSchema(z.globalRegistry, { ...options(io), uri: (id) => `${REF}${id}` }).schemas as Record<
    string,
    SchemaObject
  >;

const idOf = (ref: string): string => ref.replace(/^#\/(components\/schemas|\$defs)\//, '');

function refsOf(value: unknown): string[] {
  const refs: string[] = [];
  mapRefs(value, (id) => {
    refs.push(id);
    return id;
  });
  return refs;
}

function mapRefs(value: unknown, to: (id: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => mapRefs(item, to));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, child]) =>
      key === '$ref' && typeof child === 'string' ? [key, to(idOf(child))] : [key, mapRefs(child, to)],
    ),
  );
}
