/** Describes in words what a JSON Schema allows. Only handles the schemas that zod generates from src/contract. */

export interface JsonSchema {
  $ref?: string;
  $defs?: Record<string, JsonSchema>;
  type?: string;
  const?: unknown;
  enum?: unknown[];
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: JsonSchema | boolean;
  propertyNames?: JsonSchema;
  maxProperties?: number;
  items?: JsonSchema;
  minItems?: number;
  maxItems?: number;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  default?: unknown;
  description?: string;
  examples?: unknown[];
  /** What a text is, in words, where a pattern says too little. */
  title?: string;
}

/** Follows $ref into the root's $defs. */
export function resolveNode(root: JsonSchema, node: JsonSchema): JsonSchema {
  let { $ref, ...here } = node;
  while ($ref !== undefined) {
    const target: JsonSchema = root.$defs?.[$ref.replace('#/$defs/', '')] ?? {};
    here = { ...target, ...here };
    $ref = target.$ref;
  }
  return here;
}

const isNull = (node: JsonSchema): boolean => node.type === 'null';

/** The non-null side of a nullable schema, which keeps its default. */
function withoutNull(root: JsonSchema, node: JsonSchema): { schema: JsonSchema; nullable: boolean } {
  const resolved = resolveNode(root, node);
  if (resolved.anyOf === undefined || !resolved.anyOf.some(isNull))
    return { schema: resolved, nullable: false };
  const { anyOf, ...rest } = resolved;
  const value = anyOf.find((branch) => !isNull(branch)) ?? {};
  return { schema: { ...resolveNode(root, value), ...rest }, nullable: true };
}

const own = <Value>(record: Record<string, Value> | undefined, key: PropertyKey): Value | undefined =>
  record !== undefined && Object.hasOwn(record, key) ? record[String(key)] : undefined;

/** The schema of the value at `path`; in a union, the branch that the data chose. */
export function schemaAt(root: JsonSchema, path: readonly PropertyKey[], data: unknown): JsonSchema {
  let node = root;
  let value = data;
  for (const key of path) {
    const here = branchFor(root, withoutNull(root, node).schema, value);
    const open = typeof here.additionalProperties === 'object' ? here.additionalProperties : {};
    node = own(here.properties, key) ?? here.items ?? open;
    value =
      typeof value === 'object' && value !== null ? own(value as Record<string, unknown>, key) : undefined;
  }
  return node;
}

/** The fields an object at `path` may have. */
export function fieldsAt(root: JsonSchema, path: readonly PropertyKey[], data: unknown): string[] {
  const value = path.reduce<unknown>((object, key) => own(object as Record<string, unknown>, key), data);
  const { schema } = withoutNull(root, schemaAt(root, path, data));
  return Object.keys(branchFor(root, schema, value).properties ?? {});
}

const isObject = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isObjectNode = (root: JsonSchema, node: JsonSchema): boolean => {
  const { type, properties, oneOf } = resolveNode(root, node);
  return type === 'object' || properties !== undefined || oneOf !== undefined;
};

/** The branch of a union that the data chose; of a discriminated one, if it chose none, an object with all tags as choices. */
function branchFor(root: JsonSchema, node: JsonSchema, value: unknown): JsonSchema {
  const objects = isObject(value) ? node.anyOf?.find((each) => isObjectNode(root, each)) : undefined;
  if (objects !== undefined) return branchFor(root, resolveNode(root, objects), value);
  if (node.oneOf === undefined) return node;
  const branches = node.oneOf.map((branch) => resolveNode(root, branch));
  const tag = Object.keys(branches[0]?.properties ?? {}).find((key) =>
    branches.every((branch) => branch.properties?.[key]?.const !== undefined),
  );
  if (tag === undefined) return node;
  const chosen =
    typeof value === 'object' && value !== null ? own(value as Record<string, unknown>, tag) : undefined;
  const branch = branches.find(({ properties }) => properties?.[tag]?.const === chosen);
  if (branch !== undefined) return branch;
  const choices = branches.map(({ properties }) => properties?.[tag]?.const);
  return { type: 'object', properties: { [tag]: { enum: choices } } };
}

/** "must be a whole number from 1 to 1000 (default 10)". */
export function describeAllowed(root: JsonSchema, node: JsonSchema): string {
  const { schema, nullable } = withoutNull(root, node);
  const simple = schema.default === null || typeof schema.default !== 'object';
  const standard =
    simple && schema.default !== undefined ? ` (default ${JSON.stringify(schema.default)})` : '';
  return `must be ${nounOf(root, schema)}${nullable ? ' or null' : ''}${standard}`;
}

function nounOf(root: JsonSchema, node: JsonSchema): string {
  const schema = branchFor(root, resolveNode(root, node), undefined);
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) {
    const choices = schema.enum.map((choice) => JSON.stringify(choice)).join(', ');
    return schema.enum.length === 1 ? choices : `one of ${choices}`;
  }
  if (schema.anyOf !== undefined) return schema.anyOf.map((branch) => nounOf(root, branch)).join(' or ');
  switch (schema.type) {
    case 'integer':
      return `a whole number${range(schema)}`;
    case 'number':
      return `a number${range(schema)}`;
    case 'boolean':
      return 'true or false';
    case 'string':
      if (schema.title !== undefined) return schema.title;
      return schema.pattern === undefined
        ? `text${count(schema.minLength, schema.maxLength, 'characters')}`
        : `text like ${schema.examples?.[0] ?? schema.pattern}`;
    case 'array':
      return `an array${count(schema.minItems ?? 0, schema.maxItems, 'items')}, each ${nounOf(root, schema.items ?? {})}`;
    case 'object':
      return objectNoun(root, schema);
    default:
      return schema.description ?? 'another value';
  }
}

function objectNoun(root: JsonSchema, schema: JsonSchema): string {
  const [tag, choices] = Object.entries(schema.properties ?? {})[0] ?? [];
  if (tag !== undefined && choices?.enum !== undefined && Object.keys(schema.properties ?? {}).length === 1) {
    return `an object whose ${tag} is ${nounOf(root, choices)}`;
  }
  if (schema.properties !== undefined) {
    const names = Object.keys(schema.properties);
    return names.length === 0 ? 'an empty object' : `an object; it may have ${names.join(', ')}`;
  }
  const values = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : {};
  return [
    `an object${count(undefined, schema.maxProperties, 'pairs')}`,
    `each key ${nounOf(root, schema.propertyNames ?? { type: 'string' })}`,
    `each value ${nounOf(root, values)}`,
  ].join(', ');
}

const count = (min: number | undefined, max: number | undefined, what: string): string =>
  max === undefined
    ? ''
    : min === undefined || min === 0
      ? ` of at most ${max} ${what}`
      : ` of ${min} to ${max} ${what}`;

/** Where a schema sets no bound, zod writes the bounds of the safe integers. */
const isEnd = (bound: number | undefined): boolean =>
  bound === undefined || Math.abs(bound) === Number.MAX_SAFE_INTEGER;

function range(schema: JsonSchema): string {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema;
  const from =
    exclusiveMinimum !== undefined
      ? `greater than ${exclusiveMinimum}`
      : isEnd(minimum)
        ? ''
        : `${isEnd(maximum) && exclusiveMaximum === undefined ? 'of at least' : 'from'} ${minimum}`;
  const to =
    exclusiveMaximum !== undefined
      ? `less than ${exclusiveMaximum}`
      : isEnd(maximum)
        ? ''
        : `${exclusiveMinimum === undefined ? '' : 'at most '}${maximum}`;
  if (from === '' || to === '') return from + to === '' ? '' : ` ${from}${to}`;
  return ` ${from}${exclusiveMinimum === undefined ? ' to ' : ' and '}${to}`;
}
