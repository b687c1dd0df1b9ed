import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import type { InjectOptions, LightMyRequestResponse } from 'fastify';
import { expect } from 'vitest';
import type { OpenApiDocument } from '../../src/api/openapi/document.ts';

/** Checks responses against the OpenAPI document with a validator that shares no code with the API. */

interface ResponseObject {
  headers?: Record<string, { required?: boolean }>;
  content?: Record<string, { schema: Record<string, unknown> }>;
}

interface OperationObject {
  responses: Record<string, ResponseObject & { $ref?: string }>;
}

const validators = new WeakMap<object, ValidateFunction>();

/** A validator for each document, so that it compiles each of its components once. */
const compilers = new WeakMap<OpenApiDocument, Ajv2020>();

function ajvOf(document: OpenApiDocument): Ajv2020 {
  const known = compilers.get(document);
  if (known !== undefined) return known;
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  ajv.addFormat('date-time', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  ajv.addSchema({ components: document.components }, 'document', undefined, false);
  compilers.set(document, ajv);
  return ajv;
}

/** Asserts that a value matches a schema of the document. */
export function expectValid(document: OpenApiDocument, schema: object, value: unknown): void {
  let validate = validators.get(schema);
  if (validate === undefined) {
    const text = JSON.stringify(schema).replaceAll('"#/components/', '"document#/components/');
    validate = ajvOf(document).compile(JSON.parse(text));
    validators.set(schema, validate);
  }
  expect(validate(value), `${JSON.stringify(validate.errors)} in ${JSON.stringify(value)}`).toBe(true);
}

/** The documented path that a URL matches. */
export function findPath(document: OpenApiDocument, url: string): string | undefined {
  // Normalised as the server does it: /jobs/. is /jobs/.
  const path = URL.canParse(`http://localhost${url}`) ? new URL(`http://localhost${url}`).pathname : url;
  return Object.keys(document.paths).find((template) =>
    new RegExp(`^${template.replace(/[.]/g, '\\.').replace(/\{\w+\}/g, '[^/]+')}/?$`).test(path),
  );
}

/** Asserts that the document has this response: status, media type, headers and body. */
export function checkResponse(
  document: OpenApiDocument,
  { method = 'GET', url }: InjectOptions,
  response: LightMyRequestResponse,
): void {
  expect(response.statusCode, response.body).not.toBe(500);
  const template = findPath(document, String(url));
  const operation = document.paths[template ?? '']?.[method.toLowerCase()] as OperationObject | undefined;
  const problem = { $ref: '#/components/schemas/Problem' };
  if (operation === undefined) {
    // HEAD, OPTIONS, /docs and unknown paths.
    if (response.statusCode >= 400 && method !== 'HEAD') expectValid(document, problem, response.json());
    return;
  }
  const found = operation.responses[String(response.statusCode)];
  expect(found, `${method} ${template} has no ${response.statusCode} in the document`).toBeDefined();
  const documented = resolveResponse(document, found!);
  for (const [name, header] of Object.entries(documented.headers ?? {})) {
    if (header.required) expect(response.headers, name).toHaveProperty(name.toLowerCase());
  }
  const type = String(response.headers['content-type'] ?? '').split(';', 1)[0];
  if (documented.content === undefined) {
    expect(response.body).toBe('');
    return;
  }
  expect(Object.keys(documented.content)).toContain(type);
  if (/[/+]json$/.test(type)) {
    expectValid(document, documented.content[type].schema, response.json());
  }
}

function resolveResponse(
  document: OpenApiDocument,
  response: ResponseObject & { $ref?: string },
): ResponseObject {
  const name = response.$ref?.replace('#/components/responses/', '');
  return name === undefined ? response : (document.components.responses[name] as ResponseObject);
}
