import type { Job } from '../../../src/client/descent.ts';
import type { ClassEvaluation } from '../../../src/client/types.ts';
import { hasPictures } from '../api/datasets-known.ts';
import { fileOf } from '../api/files.ts';
import { percent, short } from '../parts/format.ts';

interface Props {
  job: Job;
  mistakes: ClassEvaluation['worst_mistakes'];
}

/** The test rows that the model got most wrong, with what it said. */
export function Mistakes({ job, mistakes }: Props) {
  const isShown = hasPictures(job.spec.dataset);
  return (
    <div>
      <h3>Worst mistakes</h3>
      {mistakes.length === 0 ? (
        <p class="faint">There are none: every test row is right.</p>
      ) : (
        <ul class="mistakes">
          {mistakes.map(({ index, label, predicted, probability, loss }) => (
            <li key={index}>
              {isShown && (
                <img
                  src={fileOf(job.id, '/evaluation/rows.png', {
                    actual: label,
                    predicted,
                    from: index,
                    limit: 1,
                  })}
                  alt={`Test row ${index}`}
                  width={64}
                  height={64}
                  loading="lazy"
                  // The rows that the job saw are gone.
                  onError={({ currentTarget }) => {
                    currentTarget.hidden = true;
                  }}
                />
              )}
              <span>
                is <b>{label}</b>
              </span>
              <span>
                said <b>{predicted}</b>
              </span>
              <span class="faint" title={`loss ${short(loss)}`}>
                {percent(probability)} sure
              </span>
              <span class="faint">row {index}</span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
