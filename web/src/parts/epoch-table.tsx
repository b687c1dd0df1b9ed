import { useSignal } from '@preact/signals';
import { Scroll } from './scroll.tsx';
import { WindowedBody } from './windowed.tsx';

export interface EpochRows {
  /** What each row begins with. */
  epochs: readonly (number | string)[];
  columns: readonly { title: string; at(row: number): string }[];
  /** Below the rows. */
  note?: string | undefined;
}

/** Curves as numbers. Read only while somebody looks at them. */
export function EpochTable({ count, read }: { count: number; read(): EpochRows }) {
  const isOpen = useSignal(false);
  const { epochs, columns, note } = isOpen.value ? read() : NONE;
  return (
    <details
      onToggle={({ currentTarget }) => {
        isOpen.value = currentTarget.open;
      }}
    >
      <summary>Table of {count === 1 ? '1 epoch' : `${count} epochs`}</summary>
      <Scroll label="Epochs">
        <table aria-rowcount={epochs.length + 1}>
          <thead>
            <tr>
              {['Epoch', ...columns.map(({ title }) => title)].map((title, i) => (
                <th key={i} scope="col" class="number">
                  {title}
                </th>
              ))}
            </tr>
          </thead>
          <WindowedBody
            keys={epochs.map(String)}
            rowHeight={ROW_HEIGHT}
            columns={columns.length + 1}
            row={(row) => (
              <tr key={row} aria-rowindex={row + 2} style={{ height: `${ROW_HEIGHT}px` }}>
                <th scope="row" class="number">
                  {epochs[row]}
                </th>
                {columns.map(({ at }, i) => (
                  <td key={i} class="number">
                    {at(row)}
                  </td>
                ))}
              </tr>
            )}
          />
        </table>
      </Scroll>
      {note !== undefined && <p class="faint">{note}</p>}
    </details>
  );
}

/** In px. */
const ROW_HEIGHT = 36;

const NONE: EpochRows = { epochs: [], columns: [] };
