import type { FastifySchemaCompiler } from 'fastify';
import { z } from 'zod';
import type { Problem } from '../../contract/problem.ts';
import { describeAllowed, fieldsAt, type JsonSchema, resolveNode, schemaAt } from './schema-words.ts';

/** Turns zod's issues into sentences for people: one entry per wrong field, with the values allowed there. */

export type FieldError = NonNullable<Problem['errors']>[number];

/** Keeps the response small for a body with thousands of unknown fields. */
const MAX_ERRORS = 20;

/** A response repeats no more of what was sent, in characters. */
const MAX_POINTER = 100;

/** Thrown when part of a request does not match its schema. */
export class InvalidRequestError extends Error {
  override readonly name = 'InvalidRequestError';
  readonly fields: FieldError[];

  constructor(fields: FieldError[]) {
    super('the request is not valid');
    this.fields = fields;
  }
}

type Part = FieldError['in'];
type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

const PARTS: Readonly<Record<string, Part>> = {
  body: 'body',
  querystring: 'query',
  params: 'path',
  headers: 'header',
};

/** Fastify's validator: zod parses, and its issues become sentences. */
export const validatorCompiler: FastifySchemaCompiler<z.ZodType> = ({ schema, httpPart }) => {
  const part = PARTS[httpPart ?? 'body'] ?? 'body';
  const jsonSchema = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
  return (data: unknown) => {
    const parsed = schema.safeParse(data);
    return parsed.success
      ? { value: parsed.data }
      : { error: new InvalidRequestError(fieldErrors(part, jsonSchema, parsed.error.issues, data)) };
  };
};

/** One entry per field, in zod's order. */
export function fieldErrors(
  part: Part,
  schema: JsonSchema,
  issues: readonly Issue[],
  data: unknown,
): FieldError[] {
  const byPointer = new Map<string, FieldError>();
  for (const issue of issues) {
    for (const [path, detail] of sentences(schema, issue, data)) {
      const pointer = toPointer(path);
      if (!byPointer.has(pointer)) byPointer.set(pointer, { in: part, pointer, detail });
      if (byPointer.size === MAX_ERRORS) return [...byPointer.values()];
    }
  }
  return [...byPointer.values()];
}

/** A JSON Pointer (RFC 6901); a long one is cut and ends in an ellipsis. */
export function toPointer(path: Path): string {
  const pointer = path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
  return pointer.length <= MAX_POINTER ? pointer : `${pointer.slice(0, MAX_POINTER - 1)}…`;
}

function* sentences(schema: JsonSchema, issue: Issue, data: unknown): Generator<[Path, string]> {
  const { path } = issue;
  if (issue.code === 'unrecognized_keys') {
    const known = fieldsAt(schema, path, data);
    const allowed = known.length === 0 ? 'nothing' : known.join(', ');
    for (const key of issue.keys) yield [[...path, key], `is unknown; allowed here: ${allowed}`];
  } else if (issue.code === 'invalid_key') {
    const keys = resolveNode(schema, schemaAt(schema, path.slice(0, -1), data)).propertyNames ?? {};
    const key = String(path.at(-1));
    const got = HALF_A_PAIR.test(key) ? `; got ${inShort(key)}` : '';
    yield [path, `is not allowed as a key; a key ${describeAllowed(schema, keys)}${got}`];
  } else if (innerIssues(issue) !== undefined) {
    for (const inner of innerIssues(issue)!) {
      yield* sentences(schema, { ...inner, path: [...path, ...inner.path] }, data);
    }
  } else {
    const given = valueAt(data, path);
    const allowed = describeAllowed(schema, schemaAt(schema, path, data));
    yield [path, `${allowed}${given === undefined ? '' : `; got ${inShort(given)}`}`];
  }
}

/** Of a union of which the data matches the kind of one branch: what is wrong there. */
function innerIssues(issue: Issue): readonly Issue[] | undefined {
  if (issue.code !== 'invalid_union' || !Array.isArray(issue.errors)) return undefined;
  return issue.errors.find((errors) => errors.length > 0 && errors.every(isInside));
}

const isInside = ({ path, code }: Issue): boolean => path.length > 0 || code === 'unrecognized_keys';

/** Half of a surrogate pair, such as \ud83d without \ude00: not a character, and has no UTF-8 form. */
const HALF_A_PAIR = /\p{Surrogate}/u;

const valueAt = (data: unknown, path: Path): unknown =>
  path.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, key)
        ? (value as Record<PropertyKey, unknown>)[key]
        : undefined,
    data,
  );

function inShort(value: unknown): string {
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  if (typeof value !== 'string') return String(value);
  if (HALF_A_PAIR.test(value)) return 'text with half of a surrogate pair, which is not a character';
  return value.length <= 40 ? JSON.stringify(value) : `text of ${[...value].length} characters`;
}
