import type { Initializer } from '../contract/initializer.ts';
import type { EngineOptions } from './engine.ts';
import { inverseErf } from './inverse-erf.ts';
import type { DenseLayer } from './model-layout.ts';
import { u32 } from './random.ts';

/** The weights a model begins with (rule 10), as Keras's VarianceScaling defines them; the same in every engine. */

/** Stream of the numbers that weights are drawn from. */
const INITIAL_WEIGHTS = 0x57_45_49_47;

const TWO_TO_24 = 16_777_216;

/** erf(sqrt(2)): the share of a normal distribution within two deviations of its mean. */
const WITHIN_TWO = 0.9544997361036416;

/** The deviation of a standard normal distribution that is cut off at -2 and 2. */
const CUT_DEVIATION = 0.8796256610342398;

const SQRT2 = Math.SQRT2;

const { fround, sqrt } = Math;

/** Draws a weight for u from 0 to less than 1; scale: the layer's limit, or its deviation, of the variance a / n. */
interface Distribution {
  scale(a: number, n: number): number;
  draw(u: number, scale: number): number;
}

/** In [-limit, limit). */
const uniform: Distribution = {
  scale: (a, n) => fround(sqrt((3 * a) / n)),
  draw: (u, limit) => fround((2 * u - 1) * limit),
};

/**
 * Normal, cut off at two deviations, by the inverse of its distribution function: Keras draws again what lies beyond, to
 * the same distribution. The deviation is that before the cut, so that the variance after it is the wanted one.
 */
const truncatedNormal: Distribution = {
  scale: (a, n) => fround(sqrt(a / n) / CUT_DEVIATION),
  draw: (u, deviation) => fround(deviation * (SQRT2 * inverseErf((2 * u - 1) * WITHIN_TWO))),
};

/** The wanted variance of a layer's weights, as [a, n] for a / n. */
type Variance = (layer: DenseLayer) => readonly [a: number, n: number];

/** Glorot, Bengio: Understanding the difficulty of training deep feedforward neural networks (2010), eq. 12. */
const glorot: Variance = ({ inputs, outputs }) => [2, inputs + outputs];
/** He et al.: Delving deep into rectifiers (2015), eq. 10. */
const he: Variance = ({ inputs }) => [2, inputs];
/** LeCun et al.: Efficient BackProp (1998), eq. 16. */
const lecun: Variance = ({ inputs }) => [1, inputs];

const INITIALIZERS: {
  readonly [Name in Initializer]: { distribution: Distribution; variance: Variance } | null;
} = {
  glorot_uniform: { distribution: uniform, variance: glorot },
  glorot_normal: { distribution: truncatedNormal, variance: glorot },
  he_uniform: { distribution: uniform, variance: he },
  he_normal: { distribution: truncatedNormal, variance: he },
  lecun_uniform: { distribution: uniform, variance: lecun },
  lecun_normal: { distribution: truncatedNormal, variance: lecun },
  zeros: null,
};

/** Writes a model's initial weights; biases are 0. weights: (layout.parameters). */
export function initialiseWeights(
  weights: Float32Array,
  {
    layout,
    seed,
    kernelInitializer,
    outputInitializer,
  }: Pick<EngineOptions, 'layout' | 'seed' | 'kernelInitializer' | 'outputInitializer'>,
): void {
  weights.fill(0);
  layout.layers.forEach((layer, l) => {
    const isLast = l + 1 === layout.layers.length;
    const scaling = INITIALIZERS[isLast ? outputInitializer : kernelInitializer];
    if (scaling === null) return;
    const { distribution, variance } = scaling;
    const scale = distribution.scale(...variance(layer));
    for (let k = 0; k < layer.inputs * layer.outputs; k += 1) {
      // The top 24 bits, as many as a float32 holds, so that u, 2u - 1 and the product before rounding are exact.
      const u = (u32(seed, INITIAL_WEIGHTS, l, k) >>> 8) / TWO_TO_24;
      weights[layer.weightsOffset + k] = distribution.draw(u, scale);
    }
  });
}
