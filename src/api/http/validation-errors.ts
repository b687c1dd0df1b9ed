import type { FastifySchemaCompiler } from 'fastify';
import { z } from 'zod';
import type { Problem } from '../../contract/problem.ts';
import { describeAllowed, fieldsAt, type JsonSchema, resolveNode, schemaAt } from './schema-words.ts';

/** From zod's issues to sentences for people: one entry a wrong field, each saying what is allowed there. */

export type FieldError = NonNullable<Problem['errors']>[number];

/** A body with thousands of unknown fields is not worth thousands of sentences. */
const MAX_ERRORS = 100;

/** Part of a request does not match its schema. */
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

/** Fastify's validator: zod parses, and what zod refuses is told in words. */
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

/** One entry a field, in the order zod found them. */
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

/** RFC 6901. */
export const toPointer = (path: Path): string =>
  path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

function* sentences(schema: JsonSchema, issue: Issue, data: unknown): Generator<[Path, string]> {
  const { path } = issue;
  if (issue.code === 'unrecognized_keys') {
    const known = fieldsAt(schema, path, data);
    const words =
      known.length === 0 ? 'nothing is' : `${known.join(', ')} ${known.length === 1 ? 'is' : 'are'}`;
    for (const key of issue.keys) yield [[...path, key], `is not known here; ${words}`];
  } else if (issue.code === 'invalid_key') {
    const keys = resolveNode(schema, schemaAt(schema, path.slice(0, -1), data)).propertyNames ?? {};
    const key = String(path.at(-1));
    const got = HALF_A_PAIR.test(key) ? `; got ${inShort(key)}` : '';
    yield [path, `is not allowed as a key: a key ${describeAllowed(schema, keys)}${got}`];
  } else {
    const given = valueAt(data, path);
    const allowed = describeAllowed(schema, schemaAt(schema, path, data));
    yield [path, `${allowed}${given === undefined ? '' : `; got ${inShort(given)}`}`];
  }
}

/** What is no character and has no UTF-8 form: \ud83d without \ude00. */
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
  if (HALF_A_PAIR.test(value)) return 'text with half of a surrogate pair, which is no character';
  return value.length <= 40 ? JSON.stringify(value) : `text of ${[...value].length} characters`;
}
