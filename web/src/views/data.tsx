import type { Dataset } from '../../../src/client/types.ts';
import { base, descent } from '../api/server.ts';
import { whole } from '../parts/format.ts';
import { Problem } from '../parts/problem.tsx';
import { useLoaded } from '../parts/use-loaded.ts';
import { href } from '../route.ts';

/** Pictures of the first test rows. */
const SHOWN = 40;

/** The datasets that jobs can be trained on. */
export function Data() {
  const { value: datasets, error } = useLoaded(
    (signal) => descent.installation.datasets({ signal }),
    [],
  ).value;
  return (
    <>
      <div class="head">
        <h1>Data</h1>
      </div>
      <Problem error={error} />
      {datasets?.map((dataset) => (
        <DatasetCard key={dataset.name} dataset={dataset} />
      ))}
    </>
  );
}

function DatasetCard({ dataset }: { dataset: Dataset }) {
  const { name, title, description, train_rows, test_rows, inputs, image, classes, sha256, files, problem } =
    dataset;
  return (
    <section class="card" aria-labelledby={`data-${name}`}>
      <div class="head">
        <h2 id={`data-${name}`}>
          {title} <code>{name}</code>
        </h2>
        <a class="button" href={href('jobs', { dataset: name })}>
          Jobs with this data
        </a>
      </div>
      <p>{description}</p>
      {problem !== null && <p class="error">{problem}</p>}
      <div class="grid">
        <dl class="facts">
          <dt>Training rows</dt>
          <dd>{whole(train_rows)}</dd>
          <dt>Test rows</dt>
          <dd>{whole(test_rows)}</dd>
          <dt>Each row</dt>
          <dd>
            {image === null ? `${inputs} numbers` : `an image of ${image.width} × ${image.height} pixels`}
          </dd>
          <dt>Classes</dt>
          <dd>{classes?.join(', ') ?? 'none: a number is predicted'}</dd>
          <dt>SHA-256</dt>
          <dd>
            <code>{sha256}</code>
          </dd>
          <dt>Files</dt>
          <dd>{files.map(({ file }) => file).join(', ') || 'none'}</dd>
        </dl>
        {problem === null && image !== null && (
          <figure class="rows">
            <figcaption class="faint">The first {SHOWN} test rows</figcaption>
            <div class="pictures">
              {Array.from({ length: SHOWN }, (_, i) => (
                <img
                  key={i}
                  loading="lazy"
                  src={`${base}datasets/${name}/rows/test/${i}.png`}
                  width="48"
                  height="48"
                  alt={`Test row ${i}`}
                />
              ))}
            </div>
          </figure>
        )}
      </div>
    </section>
  );
}
