import type { ExportedModel } from './exported-model.ts';

const nth = (name: string, n: number): string => (n === 0 ? name : `${name}_${n}`);

/** The k-th of the layers that rescale the inputs. */
export const rescalingName = (k: number): string => nth('rescaling', k);

/** The names that Keras itself gives to the layers of such a model: by class, counted from the second on. */
export function kerasNames({ layout }: Pick<ExportedModel, 'layout'>): {
  dense: string[];
  dropout: string[];
} {
  return {
    dense: layout.layers.map((_, l) => nth('dense', l)),
    dropout: layout.layers.slice(1).map((_, l) => nth('dropout', l)),
  };
}
