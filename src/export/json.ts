import { about, type ExportedModel, layersOf, weightsAlone } from './exported-model.ts';

/** The model as plain JSON, for people and pages. The weights take scaled inputs, and give standardised numbers. */
export function encodeJson(model: ExportedModel): Uint8Array {
  const { classes, ...text } = about(weightsAlone(model));
  const layers = layersOf(model, model.file.weights).map(({ inputs, outputs, activation, kernel, bias }) => {
    const rows = Array.from({ length: inputs }, (_, i) =>
      numbers(kernel.subarray(i * outputs, (i + 1) * outputs)),
    );
    return `{"inputs":${inputs},"outputs":${outputs},"activation":"${activation}","weights":[${rows.join(',\n')}],"biases":${numbers(bias)}}`;
  });
  const head = JSON.stringify({ object: 'model', ...text, classes: model.data.classes });
  return Buffer.from(`${head.slice(0, -1)},"layers":[${layers.join(',\n')}]}\n`, 'utf8');
}

const numbers = (values: Float32Array): string => `[${Array.from(values, shortest).join(',')}]`;

/** The shortest of the decimals with 6 to 9 digits that give this float32 again; 9 always do. */
function shortest(value: number): string {
  for (let digits = 6; digits < 9; digits += 1) {
    const text = Number(value.toPrecision(digits));
    if (Math.fround(text) === value) return String(text);
  }
  return String(Number(value.toPrecision(9)));
}
