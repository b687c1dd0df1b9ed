import type { Schema } from '../../../src/client/schemas.ts';
import { descent } from '../api/server.ts';
import { type Field, fieldOf } from '../api/spec-fields.ts';

/** What can be said of a file before it is read, as the server's OpenAPI document says it. */

/** Which options a format takes; docs/data.md has the same table. */
const OF_FORMAT: Readonly<Record<string, readonly string[]>> = {
  csv: ['target', 'task', 'scale', 'drop', 'test_split', 'split_column', 'header', 'delimiter', 'decimal'],
  parquet: ['target', 'task', 'scale', 'drop', 'test_split', 'split_column', 'size'],
  npz: ['task', 'scale', 'test_split'],
  images: ['size', 'test_split'],
  idx: [],
};

export const FORMATS = Object.keys(OF_FORMAT);

interface Parameter {
  name: string;
  description?: string;
  schema: Schema;
}

interface Document {
  paths: Record<string, { put?: { parameters: Parameter[] } }>;
}

/** The fields of each format. @throws {DescentError} */
export async function optionFields(signal: AbortSignal): Promise<(format: string) => Field[]> {
  const { paths } = (await descent.installation.openapi({ signal })) as Document;
  const parameters = paths['/datasets/{name}']!.put!.parameters;
  return (format) =>
    OF_FORMAT[format]!.flatMap((name) => {
      const found = parameters.find((each) => each.name === name);
      return found === undefined
        ? []
        : [fieldOf(`/${name}`, { ...found.schema, description: found.description ?? '' })];
    });
}
