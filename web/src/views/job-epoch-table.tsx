import { useSignal } from '@preact/signals';
import type { MetricsRow } from '../../../src/client/descent.ts';
import { percent, seconds, short } from '../parts/format.ts';

/** The curves as numbers. */
export function EpochTable({ rows, best }: { rows: readonly MetricsRow[]; best: number | undefined }) {
  const isOpen = useSignal(false);
  return (
    <details
      onToggle={({ currentTarget }) => {
        isOpen.value = currentTarget.open;
      }}
    >
      <summary>Table of {rows.length === 1 ? '1 epoch' : `${rows.length} epochs`}</summary>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              {['Epoch', 'Loss', 'val_loss', 'Accuracy', 'val_accuracy', 'Rate', 'Time'].map((title) => (
                <th key={title} scope="col" class="number">
                  {title}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {(isOpen.value ? rows : []).map((row) => (
              <tr key={row.epoch}>
                <th scope="row" class="number">
                  {row.epoch === best && 'lowest val_loss: '}
                  {row.epoch}
                </th>
                <td class="number">{short(row.loss)}</td>
                <td class="number">{short(row.val_loss)}</td>
                <td class="number">{percent(row.accuracy)}</td>
                <td class="number">{percent(row.val_accuracy)}</td>
                <td class="number">{short(row.learning_rate)}</td>
                <td class="number">{seconds(row.duration_seconds)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
