import { useRef } from 'preact/hooks';
import type { ClassEvaluation } from '../../../src/client/types.ts';
import { setQuery } from '../route.ts';
import type { Cell } from './job-cell.tsx';

/** A true class by row, a predicted one by column. A cell opens the rows that it counts. */
export function ConfusionMatrix({ evaluation, chosen }: { evaluation: ClassEvaluation; chosen: Cell }) {
  const { confusion_matrix: matrix, classes } = evaluation;
  const labels = classes.map(({ label }) => label);
  const body = useRef<HTMLTableSectionElement>(null);
  const worst = Math.max(1, ...matrix.flatMap((line, i) => line.filter((_, j) => i !== j)));
  const focused = {
    line: Math.max(0, labels.indexOf(chosen.actual ?? '')),
    column: Math.max(0, labels.indexOf(chosen.predicted ?? '')),
  };
  const move = (event: KeyboardEvent, line: number, column: number) => {
    const step = STEPS[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const [down, right] = step;
    body.current?.rows[line + down]?.querySelectorAll('button')[column + right]?.focus();
  };
  return (
    <div>
      <div class="scroll">
        <table class="confusion">
          <caption>Row: the true class. Column: what the model said. Choose a cell to see its rows.</caption>
          <thead>
            <tr>
              <td />
              {labels.map((label) => (
                <th key={label} scope="col">
                  {label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody ref={body}>
            {matrix.map((counts, i) => (
              <tr key={labels[i]}>
                <th scope="row">{labels[i]}</th>
                {counts.map((count, j) => (
                  <td key={labels[j]}>
                    <button
                      type="button"
                      class={i === j ? 'right' : 'wrong'}
                      style={{ '--share': `${shade(count, i === j ? classes[i]!.support : worst)}%` }}
                      tabIndex={i === focused.line && j === focused.column ? 0 : -1}
                      aria-label={`${labels[i]} taken for ${labels[j]}: ${count}`}
                      aria-pressed={labels[i] === chosen.actual && labels[j] === chosen.predicted}
                      onKeyDown={(event) => move(event, i, j)}
                      onClick={() => setQuery({ actual: labels[i], predicted: labels[j], from: undefined })}
                    >
                      {count}
                    </button>
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}

const STEPS: Readonly<Record<string, readonly [down: number, right: number]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};

/** Per cent of the colour, so little that the number stays readable. */
const shade = (count: number, most: number): number =>
  count === 0 || most === 0 ? 0 : Math.round(8 + (37 * count) / most);
