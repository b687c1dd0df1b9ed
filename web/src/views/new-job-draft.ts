import type { Job, JobSpec } from '../../../src/client/descent.ts';
import type { Field, Kind, Node, Section, Union } from '../api/spec-fields.ts';

/** What somebody has typed, and the spec that it means. */

export interface Draft {
  /** By the key of a field, only what differs from the default, as it was typed. */
  edits: Edits;
  metadata: Pairs;
}

export type Edits = Readonly<Record<string, string>>;
export type Pairs = readonly (readonly [key: string, value: string])[];

export const EMPTY: Draft = { edits: {}, metadata: [] };

/** A value as its control shows it. */
export function typed(value: unknown): string {
  if (value === null || value === undefined) return '';
  return Array.isArray(value) ? value.join(', ') : String(value);
}

/** Pairs have no control that shows a text. */
export const pairsOf = (text: string | undefined): Pairs => (text === undefined ? [] : JSON.parse(text));
export const textOfPairs = (pairs: Pairs): string => JSON.stringify(pairs);

/** The fields that there are now: those of a union depend on the kind that is chosen. */
export const fieldsIn = (nodes: readonly Node[], edits: Edits): Field[] =>
  nodes.flatMap((node) =>
    isUnion(node) ? [node.choice, ...fieldsIn(kindIn(node, edits).nodes, edits)] : [node],
  );

const isUnion = (node: Node): node is Union => 'kinds' in node;

const kindIn = ({ choice, kinds }: Union, edits: Edits): Kind =>
  kinds.find(({ name }) => name === (edits[choice.key] ?? choice.default)) ?? kinds[0]!;

/** What a text means. What has no meaning is sent as it is: the server then says what is allowed. */
function meant(text: string, { kind, default: fallback }: Field): unknown {
  const plain = text.trim();
  switch (kind) {
    case 'boolean':
      return plain === 'true';
    case 'list':
      return plain
        .split(/[\s,]+/)
        .filter(Boolean)
        .map(numberOf);
    case 'number':
      return plain === '' ? fallback : numberOf(plain);
    case 'pairs':
      return Object.fromEntries(
        pairsOf(text)
          .filter(([key, value]) => key !== '' || value !== '')
          .map(([key, value]) => [key, numberOf(value)]),
      );
    default:
      return text === '' ? fallback : text;
  }
}

const numberOf = (text: string): unknown =>
  text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;

const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

/** undefined where there is none, and no default. */
function meantBy(node: Node, edits: Edits): unknown {
  if (!isUnion(node)) {
    const text = edits[node.key];
    return text === undefined ? node.default : meant(text, node);
  }
  const { constant, nodes, isObject } = kindIn(node, edits);
  if (isObject) return { ...(constant as object), ...changesIn(nodes, edits) };
  return nodes.length === 0 ? constant : meantBy(nodes[0]!, edits);
}

/** What differs from the defaults, by the last part of its pointer. */
function changesIn(nodes: readonly Node[], edits: Edits): Record<string, unknown> {
  const values = nodes.map((node) => [node, meantBy(node, edits)] as const);
  return Object.fromEntries(
    values
      .filter(([node, value]) => !same(value, node.default))
      .map(([{ pointer }, value]) => [pointer.split('/').at(-1), value]),
  );
}

/** Only what differs from the defaults. */
export function specOf({ edits, metadata }: Draft, sections: readonly Section[]): JobSpec {
  const spec: Record<string, unknown> = {};
  for (const node of sections.flatMap(({ nodes }) => nodes)) {
    const changes = changesIn([node], edits);
    const [outer, inner] = node.pointer.slice(1).split('/') as [string, string?];
    if (inner === undefined) Object.assign(spec, changes);
    else if (inner in changes) spec[outer] = { ...(spec[outer] as object | undefined), ...changes };
  }
  const pairs = metadata.filter(([key, value]) => key !== '' || value !== '');
  if (pairs.length > 0) spec.metadata = Object.fromEntries(pairs);
  return spec as JobSpec;
}

/** A draft that means the spec of a job. */
export function draftOf(spec: Job['spec'], sections: readonly Section[]): Draft {
  const edits: Record<string, string> = {};
  const read = (node: Node, value: unknown): void => {
    if (value === undefined) return;
    if (!isUnion(node)) {
      if (same(value, node.default)) return;
      edits[node.key] =
        node.kind === 'pairs'
          ? textOfPairs(Object.entries(value as object).map(([key, each]) => [key, String(each)]))
          : typed(value);
      return;
    }
    const kind = node.kinds.find(({ is }) => is(value));
    if (kind === undefined) return;
    if (kind.name !== node.choice.default) edits[node.choice.key] = kind.name;
    for (const each of kind.nodes) read(each, kind.isObject ? within(value, each.pointer) : value);
  };
  for (const node of sections.flatMap(({ nodes }) => nodes)) {
    const outer = within(spec, `/${node.pointer.split('/')[1]}`);
    read(node, node.pointer.split('/').length === 2 ? outer : within(outer, node.pointer));
  }
  return { edits, metadata: Object.entries(spec.metadata) };
}

/** The value at the last part of a pointer. */
const within = (value: unknown, pointer: string): unknown =>
  (value as Record<string, unknown> | undefined)?.[pointer.split('/').at(-1)!];
