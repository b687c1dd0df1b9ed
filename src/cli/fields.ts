import type { Descent } from '../client/descent.ts';
import { COMPLETION_MS } from './completion.ts';
import { EXIT, UsageError } from './failure.ts';
import type { Context } from './jobs.ts';
import { type Field, SpecFields } from './spec-fields.ts';

/** Prints the fields of a spec, or those at and below a path. @throws {UsageError} */
export async function listFields({ descent, asJson }: Context, path?: string): Promise<number> {
  const all = (await SpecFields.of(descent)).list();
  const found = all.filter((field) => path === undefined || `${field.path}.`.startsWith(`${path}.`));
  if (found.length === 0) {
    throw new UsageError(
      `A spec has no field ${JSON.stringify(path)}: use one of those that descent fields lists, or the part before its last dot.`,
    );
  }
  for (const field of found) console.log(asJson ? JSON.stringify(field) : describe(field));
  return EXIT.succeeded;
}

function describe({ path, defaults, choices, kinds, description }: Field): string {
  const head = [
    path,
    ...(defaults.length > 0 ? [`= ${defaults.join(' or ')}`] : []),
    ...(kinds.length > 0 ? [`(${kinds.join(', ')})`] : []),
  ].join(' ');
  const rest = [description, ...(choices.length > 0 ? [`One of ${choices.join(', ')}.`] : [])];
  return [head, ...rest.filter((line) => line !== '').map((line) => `    ${line}`)].join('\n');
}

/** The paths of all fields; none if Descent does not answer soon. */
export async function fieldPaths(descent: Descent): Promise<string[]> {
  try {
    const fields = await SpecFields.of(descent, AbortSignal.timeout(COMPLETION_MS));
    return fields.list().map(({ path }) => path);
  } catch {
    // No line is complete without a person who goes on typing.
    return [];
  }
}
