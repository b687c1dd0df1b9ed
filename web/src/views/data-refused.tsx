import { DescentError } from '../../../src/client/descent.ts';
import { Problem } from '../parts/problem.tsx';
import { Scroll } from '../parts/scroll.tsx';

/** Why an upload is refused, and the places in the file that are wrong. */
export function Refused({ error }: { error: unknown }) {
  const places = error instanceof DescentError ? error.places : [];
  return (
    <>
      <Problem error={error} />
      {places.length > 0 && (
        <Scroll label="Places in the file">
          <table>
            <thead>
              <tr>
                {['Where', 'Column', 'What stands there', 'What is wrong'].map((title) => (
                  <th key={title} scope="col">
                    {title}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {places.map(({ file, line, row, column, found, problem }, at) => (
                <tr key={at}>
                  <td>
                    {[
                      file,
                      line === undefined ? undefined : `line ${line}`,
                      row === undefined ? undefined : `row ${row}`,
                    ]
                      .filter(Boolean)
                      .join(', ')}
                  </td>
                  <td>{column}</td>
                  <td>{found !== undefined && <code>{found}</code>}</td>
                  <td>{problem}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </>
  );
}
