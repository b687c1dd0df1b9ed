import type { Descent } from '../client/descent.ts';
import { type Schema, Schemas } from '../client/schemas.ts';

/**
 * The fields of a job's spec, as the server's OpenAPI document describes them. Whatever that server knows can be set, and
 * there is no list of fields here.
 */
export class SpecFields {
  readonly #schemas: Schemas;
  readonly #spec: Schema;

  /** @param document what `installation.openapi()` gives */
  constructor(document: unknown) {
    this.#schemas = new Schemas(document);
    this.#spec = this.#schemas.named('JobSpec');
  }

  /** @throws {DescentError} */
  static async of(descent: Descent, signal?: AbortSignal): Promise<SpecFields> {
    return new SpecFields(await descent.installation.openapi({ signal }));
  }

  /** `training.epochs` -> its keys. Where there are names of a person's own, the rest is one: it may have dots. */
  keysOf(path: string): string[] {
    const names = path.split('.');
    const isOwn = ({ additionalProperties }: Schema) => typeof additionalProperties === 'object';
    const place = names.findIndex((_, i) => this.#at(names.slice(0, i)).some(isOwn));
    return place < 0 ? names : [...names.slice(0, place), names.slice(place).join('.')];
  }

  /** What the text means there. What means nothing there stays text: the server says what is allowed instead. */
  valueOf(keys: readonly string[], text: string): unknown {
    return this.#read(text, this.#at(keys));
  }

  /** Whether it is a `type` that decides which other fields there are beside it. */
  isType(keys: readonly string[]): boolean {
    return keys.at(-1) === 'type' && this.#at(keys).some(({ const: constant }) => constant !== undefined);
  }

  /** Each field that has a value of its own, in the order of the document. */
  list(): Field[] {
    const fields = new Map<string, Field>();
    this.#collect(fields, '', this.#spec, undefined);
    return [...fields.values()].map((field) => {
      const types = fields.get(field.path.replace(/[^.]*$/, 'type'))?.choices.length;
      return types === field.kinds.length ? { ...field, kinds: [] } : field;
    });
  }

  /** The schemas of which a value there meets one. */
  #at(keys: readonly string[]): Schema[] {
    return keys.reduce(
      (found, key) =>
        found.flatMap((schema) => childOf(schema, key)).flatMap((it) => this.#schemas.members(it)),
      this.#schemas.members(this.#spec),
    );
  }

  #read(text: string, members: readonly Schema[]): unknown {
    const may = (...types: string[]) =>
      members.some(({ type }) => type !== undefined && types.includes(type));
    if (text === 'null' && may('null')) return null;
    if ((text === 'true' || text === 'false') && may('boolean')) return text === 'true';
    if (text.trim() !== '' && Number.isFinite(Number(text)) && may('number', 'integer')) return Number(text);
    if (/^[[{]/.test(text) && may('array', 'object')) return parsed(text);
    const list = members.find(({ type }) => type === 'array');
    if (list === undefined) return text;
    const items = this.#schemas.members(list.items ?? {});
    const parts = text.split(',').filter((part) => part !== '');
    return parts.map((part) => this.#read(part, items));
  }

  #collect(fields: Map<string, Field>, path: string, schema: Schema, kind: string | undefined): void {
    const found = this.#schemas.resolve(schema);
    const members = this.#schemas.members(found);
    const objects = members.filter(({ properties }) => properties !== undefined);
    if (objects.length < members.length) {
      const field = fields.get(path) ?? { path, defaults: [], choices: [], kinds: [], description: '' };
      fields.set(path, field);
      field.description ||= [found, ...members].find(({ description }) => description)?.description ?? '';
      if (found.default !== undefined) addTo(field.defaults, JSON.stringify(found.default));
      for (const { const: constant, enum: options = [] } of members)
        for (const choice of constant === undefined ? options : [constant]) addTo(field.choices, choice);
      if (kind !== undefined) addTo(field.kinds, kind);
    }
    for (const { properties = {} } of objects)
      for (const [name, child] of Object.entries(properties))
        this.#collect(fields, path === '' ? name : `${path}.${name}`, child, properties.type?.const);
  }
}

/** A field as people are told of it. Under one path, several kinds of a thing may have one. */
export interface Field {
  path: string;
  /** As JSON; more than one if kinds differ. */
  defaults: string[];
  /** Values by name, if it has such. */
  choices: string[];
  /** The types of its object that have it; none if all do. */
  kinds: string[];
  description: string;
}

const addTo = (values: string[], value: string): void => {
  if (!values.includes(value)) values.push(value);
};

function childOf({ properties = {}, additionalProperties }: Schema, key: string): Schema[] {
  if (Object.hasOwn(properties, key)) return [properties[key]!];
  return typeof additionalProperties === 'object' ? [additionalProperties] : [];
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
