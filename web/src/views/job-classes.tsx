import type { ClassEvaluation } from '../../../src/client/types.ts';
import { percent, whole } from '../parts/format.ts';
import { Scroll } from '../parts/scroll.tsx';

const COLUMNS = [
  { title: 'Precision', hint: 'of the rows said to be this, how many are' },
  { title: 'Recall', hint: 'of the rows that are this, how many were said to be' },
  { title: 'F1', hint: 'harmonic mean of both' },
  { title: 'Rows', hint: 'test rows of this class' },
];

/** How well each class is recognised. */
export function ClassTable({ classes }: { classes: ClassEvaluation['classes'] }) {
  return (
    <div>
      <h3>Classes</h3>
      <Scroll label="Classes">
        <table>
          <thead>
            <tr>
              <th scope="col">Class</th>
              {COLUMNS.map(({ title, hint }) => (
                <th key={title} scope="col" class="number" title={hint}>
                  {title}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {classes.map(({ label, precision, recall, f1, support }) => (
              <tr key={label}>
                <th scope="row">{label}</th>
                <td class="number">{percent(precision)}</td>
                <td class="number">{percent(recall)}</td>
                <td class="number">{percent(f1)}</td>
                <td class="number">{whole(support)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </div>
  );
}
