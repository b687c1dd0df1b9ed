/** Of a matrix (rows, columns), row-major: a copy. */
export function transposed<Numbers extends Float32Array | Float64Array>(
  matrix: Numbers,
  rows: number,
  columns: number,
): Numbers {
  const result = matrix.slice() as Numbers;
  for (let r = 0; r < rows; r += 1) {
    for (let c = 0; c < columns; c += 1) result[c * rows + r] = matrix[r * columns + c]!;
  }
  return result;
}
