import {
  ALPHA,
  AMSGRAD,
  BETA_1,
  BETA_1_ROUNDED,
  BETA_2,
  BETA_2_ROUNDED,
  EPSILON,
  GRADIENT_DIVISOR,
  GRADIENT_FACTOR,
  LEARNING_RATE,
  MEAN_DIVISOR,
  MEAN_FACTOR,
  ONE_MINUS_BETA_1,
  ONE_MINUS_BETA_2,
  POWER_1,
  POWER_2,
  POWER_3,
  RATE,
  SLOT_DISTANCE,
  SQUARE_DIVISOR,
} from '../../kernel/header.ts';
import { flushed } from './flushed.ts';

/** The update rules whose steps follow a running mean of gradients; optimizers.ts says how a rule is written. */

/** Moves a running mean by that share of the way to x, and returns it: mean + (x - mean) * share. */
@inline
function moved(mean: usize, x: v128, share: v128): v128 {
  const before = v128.load(mean);
  const after = flushed(f32x4.add(before, f32x4.mul(f32x4.sub(x, before), share)));
  v128.store(mean, after);
  return after;
}

@final @unmanaged
export class Adam {
  @inline
  update(w: usize, g0: v128, g1: v128, g2: v128, g3: v128, decay: v128): void {
    this.update4(w, g0);
    this.update4(w + 16, g1);
    this.update4(w + 32, g2);
    this.update4(w + 48, g3);
  }

  @inline
  private update4(w: usize, g: v128): void {
    const first = w + load<usize>(0, SLOT_DISTANCE);
    const second = first + load<usize>(0, SLOT_DISTANCE);
    const m = moved(first, g, v128.load32_splat(0, ONE_MINUS_BETA_1));
    const v = moved(second, f32x4.mul(g, g), v128.load32_splat(0, ONE_MINUS_BETA_2));
    let d = v;
    if (load<u32>(0, AMSGRAD)) {
      const largest = second + load<usize>(0, SLOT_DISTANCE);
      d = f32x4.pmax(v128.load(largest), v);
      v128.store(largest, d);
    }
    const root = f32x4.add(f32x4.sqrt(d), v128.load32_splat(0, EPSILON));
    v128.store(w, f32x4.sub(v128.load(w), f32x4.div(f32x4.mul(m, v128.load32_splat(0, ALPHA)), root)));
  }
}

@final @unmanaged
export class Nadam {
  @inline
  update(w: usize, g0: v128, g1: v128, g2: v128, g3: v128, decay: v128): void {
    this.update4(w, g0);
    this.update4(w + 16, g1);
    this.update4(w + 32, g2);
    this.update4(w + 48, g3);
  }

  private update4(w: usize, g: v128): void {
    const first = w + load<usize>(0, SLOT_DISTANCE);
    const second = first + load<usize>(0, SLOT_DISTANCE);
    const m = moved(first, g, v128.load32_splat(0, ONE_MINUS_BETA_1));
    const v = moved(second, f32x4.mul(g, g), v128.load32_splat(0, ONE_MINUS_BETA_2));
    const mean = f32x4.add(
      f32x4.div(f32x4.mul(v128.load32_splat(0, MEAN_FACTOR), m), v128.load32_splat(0, MEAN_DIVISOR)),
      f32x4.div(f32x4.mul(v128.load32_splat(0, GRADIENT_FACTOR), g), v128.load32_splat(0, GRADIENT_DIVISOR)),
    );
    const root = f32x4.add(
      f32x4.sqrt(f32x4.div(v, v128.load32_splat(0, SQUARE_DIVISOR))),
      v128.load32_splat(0, EPSILON),
    );
    const step = f32x4.div(f32x4.mul(mean, v128.load32_splat(0, LEARNING_RATE)), root);
    v128.store(w, f32x4.sub(v128.load(w), step));
  }
}

@final @unmanaged
export class Adamax {
  @inline
  update(w: usize, g0: v128, g1: v128, g2: v128, g3: v128, decay: v128): void {
    this.update4(w, g0);
    this.update4(w + 16, g1);
    this.update4(w + 32, g2);
    this.update4(w + 48, g3);
  }

  private update4(w: usize, g: v128): void {
    const first = w + load<usize>(0, SLOT_DISTANCE);
    const norm = first + load<usize>(0, SLOT_DISTANCE);
    const m = moved(first, g, v128.load32_splat(0, ONE_MINUS_BETA_1));
    const decayed = f32x4.mul(v128.load32_splat(0, BETA_2_ROUNDED), v128.load(norm));
    const u = flushed(f32x4.pmax(decayed, f32x4.abs(g)));
    v128.store(norm, u);
    const divisor = f32x4.mul(
      v128.load32_splat(0, MEAN_DIVISOR),
      f32x4.add(u, v128.load32_splat(0, EPSILON)),
    );
    const step = f32x4.div(f32x4.mul(v128.load32_splat(0, LEARNING_RATE), m), divisor);
    v128.store(w, f32x4.sub(v128.load(w), step));
  }
}

@final @unmanaged
export class Lion {
  @inline
  update(w: usize, g0: v128, g1: v128, g2: v128, g3: v128, decay: v128): void {
    this.update4(w, g0);
    this.update4(w + 16, g1);
    this.update4(w + 32, g2);
    this.update4(w + 48, g3);
  }

  @inline
  private update4(w: usize, g: v128): void {
    const first = w + load<usize>(0, SLOT_DISTANCE);
    const m = v128.load(first);
    const c = f32x4.add(
      f32x4.mul(m, v128.load32_splat(0, BETA_1_ROUNDED)),
      f32x4.mul(g, v128.load32_splat(0, ONE_MINUS_BETA_1)),
    );
    const zero = f32x4.splat(0);
    const negative = v128.bitselect(f32x4.splat(-1), c, f32x4.lt(c, zero));
    const sign = v128.bitselect(f32x4.splat(1), negative, f32x4.gt(c, zero));
    v128.store(w, f32x4.sub(v128.load(w), f32x4.mul(v128.load32_splat(0, LEARNING_RATE), sign)));
    v128.store(
      first,
      flushed(
        f32x4.add(
          f32x4.mul(m, v128.load32_splat(0, BETA_2_ROUNDED)),
          f32x4.mul(g, v128.load32_splat(0, ONE_MINUS_BETA_2)),
        ),
      ),
    );
  }
}

/** Its products are beta_1^t and beta_2^t. */
export function beginAdamStep(): void {
  const power1 = load<f64>(0, POWER_1) * load<f64>(0, BETA_1);
  const power2 = load<f64>(0, POWER_2) * load<f64>(0, BETA_2);
  store<f64>(0, power1, POWER_1);
  store<f64>(0, power2, POWER_2);
  store<f32>(0, <f32>((load<f64>(0, RATE) * sqrt<f64>(1 - power2)) / (1 - power1)), ALPHA);
}

/** Its products are 0.96^t, that of its momenta, and beta_2^t. */
export function beginNadamStep(): void {
  const beta1 = load<f64>(0, BETA_1);
  const power1 = load<f64>(0, POWER_1) * 0.96;
  const u = beta1 * (1 - 0.5 * power1);
  const next = beta1 * (1 - 0.5 * (power1 * 0.96));
  const power2 = load<f64>(0, POWER_2) * u;
  const power3 = load<f64>(0, POWER_3) * load<f64>(0, BETA_2);
  store<f64>(0, power1, POWER_1);
  store<f64>(0, power2, POWER_2);
  store<f64>(0, power3, POWER_3);
  store<f32>(0, <f32>next, MEAN_FACTOR);
  store<f32>(0, <f32>(1 - power2 * next), MEAN_DIVISOR);
  store<f32>(0, <f32>(1 - u), GRADIENT_FACTOR);
  store<f32>(0, <f32>(1 - power2), GRADIENT_DIVISOR);
  store<f32>(0, <f32>(1 - power3), SQUARE_DIVISOR);
}

/** Its product is beta_1^t. */
export function beginAdamaxStep(): void {
  const power = load<f64>(0, POWER_1) * load<f64>(0, BETA_1);
  store<f64>(0, power, POWER_1);
  store<f32>(0, <f32>(1 - power), MEAN_DIVISOR);
}
