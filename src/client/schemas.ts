/** A schema of the OpenAPI document, as far as what a client sends is described by it. */
export interface Schema {
  $ref?: string;
  type?: string;
  const?: string;
  enum?: string[];
  default?: unknown;
  description?: string;
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  items?: Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
}

/** The schemas of an OpenAPI document, which refer to each other by name. */
export class Schemas {
  readonly #named: Readonly<Record<string, Schema>>;

  /** @param document what `installation.openapi()` gives */
  constructor(document: unknown) {
    const { components } = (document ?? {}) as { components?: { schemas?: Record<string, Schema> } };
    this.#named = components?.schemas ?? {};
  }

  /** The one of this name, such as JobSpec; one that says nothing if the document, of another server, has none. */
  named(name: string): Schema {
    return this.#named[name] ?? {};
  }

  /** Without a reference: what is beside one goes before what it refers to. */
  resolve(schema: Schema): Schema {
    if (schema.$ref === undefined) return schema;
    const { $ref, ...own } = schema;
    return { ...this.resolve(this.named($ref.split('/').at(-1)!)), ...own };
  }

  /** The schemas of which a value meets one. */
  members(schema: Schema): Schema[] {
    const found = this.resolve(schema);
    return (found.anyOf ?? found.oneOf)?.flatMap((member) => this.members(member)) ?? [found];
  }
}
