import type { Job } from '../../../src/client/descent.ts';
import { descent } from '../api/server.ts';
import { Copy } from '../parts/copy.tsx';
import { useLoaded } from '../parts/use-loaded.ts';

/** What the job was told, and what of it is not the default. */
export function SpecOf({ job: { spec } }: { job: Job }) {
  const { type } = spec.optimizer;
  // The defaults of a plain job, with those of this optimizer: the API writes them out.
  const defaults = useLoaded(
    async (signal) => {
      const [plain, own] = await Promise.all([
        descent.jobs.validate({}, { signal }),
        descent.jobs.validate({ optimizer: { type } }, { signal }),
      ]);
      return new Map(
        fieldsOf({ ...plain.spec, optimizer: { ...own.spec.optimizer, type: plain.spec.optimizer.type } }),
      );
    },
    [type],
  ).value.value;
  return (
    <section class="card">
      <div class="head">
        <h2>Spec</h2>
        <Copy text={JSON.stringify(spec, null, 2)} label="Copy as JSON" />
      </div>
      <table class="spec">
        <thead>
          <tr>
            <th scope="col">Field</th>
            <th scope="col">Value</th>
            <th scope="col">Default</th>
          </tr>
        </thead>
        <tbody>
          {fieldsOf(spec).map(([name, value]) => {
            const isOwn = defaults !== undefined && defaults.get(name) !== value;
            return (
              <tr key={name} class={isOwn ? 'changed' : ''}>
                <th scope="row">{name}</th>
                <td>{value}</td>
                <td class="faint">
                  {defaults === undefined ? '' : isOwn ? (defaults.get(name) ?? 'none') : 'same'}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

/** `optimizer.learning_rate` and its value as text, for each field. */
function fieldsOf(spec: object, prefix = ''): [name: string, value: string][] {
  return Object.entries(spec).flatMap(([name, value]: [string, unknown]) => {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return fieldsOf(value, `${prefix}${name}.`);
    }
    return [[prefix + name, textOf(value)]];
  });
}

const textOf = (value: unknown): string => {
  if (value === null) return 'none';
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.join(', ');
  return String(value);
};
