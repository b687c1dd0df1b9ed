import type { ExportedModel } from './exported-model.ts';

/** The names that Keras itself gives to the layers of such a model: by class, counted from the second on. */
export function kerasNames({ layout }: Pick<ExportedModel, 'layout'>): {
  dense: string[];
  dropout: string[];
} {
  const nth = (name: string, n: number) => (n === 0 ? name : `${name}_${n}`);
  return {
    dense: layout.layers.map((_, l) => nth('dense', l)),
    dropout: layout.layers.slice(1).map((_, l) => nth('dropout', l)),
  };
}
