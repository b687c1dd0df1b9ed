import type { ClassEvaluation } from '../contract/evaluation.ts';
import { drawPicture, HEADING_HEIGHT, lightAndDark } from './picture.ts';
import { escapeXml, px, shortenInside } from './svg.ts';

/**
 * A confusion matrix: a row for each true class, a column for each predicted one. The shade of a cell is its share of
 * the row, so that rare classes show as well. A model's few mistakes would be too pale to see, hence the square root.
 */

export type Confusion = Pick<ClassEvaluation, 'confusion_matrix' | 'accuracy' | 'rows'> & {
  classes: readonly { label: string }[];
};

const STYLE = lightAndDark(
  `
.right{fill:#0550ae}.wrong{fill:#bc4c00}
.count{fill:#1f2328;text-anchor:middle}.pale{fill:#fff}
.frame{fill:none;stroke:#8c959f}
`,
  `
.right{fill:#58a6ff}.wrong{fill:#ffa657}
.count{fill:#f0f6fc}.pale{fill:#0d1117}
.frame{stroke:#656c76}
`,
);

/** Above this opacity, text has more contrast in the colour of the background. */
const PALE_ABOVE = 0.7;

/** px of the matrix, and of a cell at most. */
const SIDE = 460;
const LARGEST_CELL = 46;

/** px of the picture: its headings need them. */
const LEAST_WIDTH = 360;

/** px of the smallest cell that has room for a count, and of a class name's line. */
const CELL_WITH_COUNT = 26;
const LINE = 13;

/** px of an average letter, and how many of them a class name may have. */
const LETTER = 8;
const MOST_LETTERS = 16;

export function drawConfusionChart(jobName: string, confusion: Confusion): string {
  const { confusion_matrix: matrix, accuracy, rows } = confusion;
  const labels = confusion.classes.map(({ label }) => shortenInside(label, MOST_LETTERS));
  const cell = Math.min(LARGEST_CELL, SIDE / labels.length);
  const side = cell * labels.length;
  const longest = Math.max(...labels.map((label) => [...label].length)) * LETTER;
  const isUpright = longest < cell;
  const needed = 58 + longest + side + 32;
  const width = Math.max(needed, LEAST_WIDTH);
  const left = 58 + longest + (width - needed) / 2;
  const bottom = HEADING_HEIGHT + side;
  const footing = isUpright ? 24 : longest + 14;
  return drawPicture(
    {
      width: Math.ceil(width),
      height: Math.ceil(bottom + footing + 36),
      middle: width / 2,
      title: 'Confusion Matrix',
      subtitle: jobName,
      description: [
        `${percent(accuracy)} of ${rows} test rows are right.`,
        ...matrix.map((row, c) => tell(c, row, confusion.classes)),
      ].join(' '),
      style: STYLE,
    },
    [
      ...matrix.flatMap((row, r) => drawRow(row, r, { left, cell })),
      `<rect class="frame" x="${px(left)}" y="${HEADING_HEIGHT}" width="${px(side)}" height="${px(side)}"/>`,
      ...labels.flatMap((label, c) => {
        // Names of many classes would cover each other.
        if (c % Math.ceil(LINE / cell) !== 0) return [];
        const middle = (c + 0.5) * cell;
        const text = escapeXml(label);
        const [x, y] = [left + middle, bottom + 8];
        return [
          `<text x="${px(left - 8)}" y="${px(HEADING_HEIGHT + middle + 4.5)}" text-anchor="end">${text}</text>`,
          isUpright
            ? `<text x="${px(x)}" y="${px(y + 10)}" text-anchor="middle">${text}</text>`
            : `<text transform="translate(${px(x + 4.5)} ${px(y)}) rotate(-90)" text-anchor="end">${text}</text>`,
        ];
      }),
      `<text class="label" transform="translate(${px(left - longest - 34)} ${px(HEADING_HEIGHT + side / 2)}) rotate(-90)" text-anchor="middle">True class</text>`,
      `<text class="label" x="${px(left + side / 2)}" y="${px(bottom + footing + 18)}" text-anchor="middle">Predicted class</text>`,
    ],
  );
}

/** Cells without a row are left empty: there may be 60,000 of them. */
function drawRow(
  row: readonly number[],
  r: number,
  { left, cell }: { left: number; cell: number },
): string[] {
  const total = row.reduce((sum, count) => sum + count, 0);
  const y = HEADING_HEIGHT + r * cell;
  return row.flatMap((count, c) => {
    if (count === 0) return [];
    const x = left + c * cell;
    const opacity = Math.sqrt(count / total);
    const side = px(cell);
    const box = `<rect class="${r === c ? 'right' : 'wrong'}" x="${px(x)}" y="${px(y)}" width="${side}" height="${side}" fill-opacity="${opacity.toFixed(2)}"/>`;
    if (cell < CELL_WITH_COUNT) return [box];
    const look = opacity > PALE_ABOVE ? 'count pale' : 'count';
    return [
      `${box}<text class="${look}" x="${px(x + cell / 2)}" y="${px(y + cell / 2 + 4.5)}">${count}</text>`,
    ];
  });
}

/** "4: 912 of 982 right, most often taken for 9 (31)." */
function tell(c: number, row: readonly number[], classes: Confusion['classes']): string {
  const total = row.reduce((sum, count) => sum + count, 0);
  const mistakes = row.map((count, predicted) => (predicted === c ? 0 : count));
  const most = Math.max(...mistakes);
  const taken = most === 0 ? '' : `, most often taken for ${classes[mistakes.indexOf(most)].label} (${most})`;
  return `${classes[c].label}: ${row[c]} of ${total} right${taken}.`;
}

const percent = (share: number): string => `${Number((100 * share).toFixed(2))} %`;
