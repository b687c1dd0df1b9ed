import type { ClassEvaluation, Dataset } from '../../../src/client/types.ts';
import { rowImage } from '../api/files.ts';
import { hasPictures } from '../api/names.ts';
import { percent, short } from '../parts/format.ts';

interface Props {
  dataset: Dataset['name'];
  mistakes: ClassEvaluation['worst_mistakes'];
}

/** The test rows that the model got most wrong, with what it said. */
export function Mistakes({ dataset, mistakes }: Props) {
  return (
    <div>
      <h3>Worst mistakes</h3>
      {mistakes.length === 0 ? (
        <p class="faint">There are none: every test row is right.</p>
      ) : (
        <ul class="mistakes">
          {mistakes.map(({ index, label, predicted, probability, loss }) => (
            <li key={index}>
              {hasPictures(dataset) && (
                <img
                  src={rowImage(dataset, 'test', index)}
                  alt={`Test row ${index}`}
                  width={64}
                  height={64}
                  loading="lazy"
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
