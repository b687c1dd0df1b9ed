import {
  ALPHA,
  AMSGRAD,
  BETA_1,
  BETA_1_ROUNDED,
  BETA_2,
  BETA_2_ROUNDED,
  CENTERED,
  CLIPVALUE,
  EPSILON,
  GRADIENT_DISTANCE,
  GRADIENT_DIVISOR,
  GRADIENT_FACTOR,
  LEARNING_RATE,
  MEAN_DIVISOR,
  MEAN_FACTOR,
  MOMENTUM,
  NESTEROV,
  ONE_MINUS_BETA_1,
  ONE_MINUS_BETA_2,
  ONE_MINUS_RHO,
  POWER_1,
  POWER_2,
  POWER_3,
  RATE,
  RHO,
  RULE,
  RULE_ADADELTA,
  RULE_ADAGRAD,
  RULE_ADAM,
  RULE_ADAMAX,
  RULE_LION,
  RULE_NADAM,
  RULE_RMSPROP,
  RULE_RMSPROP_GENERAL,
  RULE_SGD,
  RULE_SGD_MOMENTUM,
  SLOT_DISTANCE,
  SQUARE_DIVISOR,
  WEIGHT_DECAY,
} from '../../kernel/header.ts';

/**
 * The update rules of ../../reference/update-rules.ts, which has the formulas, for sixteen weights at a time.
 *
 * A rule is a class without fields, so that the layers' loops are compiled once for each rule, with the update inlined.
 * Hyper-parameters are loaded from memory at each use: as constants or variables they pushed sums out of the registers
 * (10 us per step on Node 24 in an experiment).
 *
 * w: address of the weights; their slots are SLOT_DISTANCE, 2 * SLOT_DISTANCE, ... bytes after it. g0 .. g3: gradients.
 * decay: rmsprop's factor for the mean square; the other rules ignore it.
 */

/** The new value of a slot that decays: +0 where it would be denormal (rule 13), that is, where its exponent is 0. */
@inline
export function flushed(s: v128): v128 {
  return v128.and(s, i32x4.ne(v128.and(s, i32x4.splat(0x7f800000)), i32x4.splat(0)));
}

@final @unmanaged
export class Rmsprop {
  @inline
  update(w: usize, g0: v128, g1: v128, g2: v128, g3: v128, decay: v128): void {
    const v = w + load<usize>(0, SLOT_DISTANCE);
    this.update4(w, v, g0, decay);
    this.update4(w + 16, v + 16, g1, decay);
    this.update4(w + 32, v + 32, g2, decay);
    this.update4(w + 48, v + 48, g3, decay);
  }

  @inline
  private update4(w: usize, v: usize, g: v128, decay: v128): void {
    const meanSquare = flushed(
      f32x4.add(
        f32x4.mul(decay, v128.load(v)),
        f32x4.mul(v128.load32_splat(0, ONE_MINUS_RHO), f32x4.mul(g, g)),
      ),
    );
    v128.store(v, meanSquare);
    const root = f32x4.sqrt(f32x4.add(meanSquare, v128.load32_splat(0, EPSILON)));
    const step = f32x4.div(f32x4.mul(v128.load32_splat(0, LEARNING_RATE), g), root);
    v128.store(w, f32x4.sub(v128.load(w), step));
  }
}

/** With momentum, centered, or both. */
@final @unmanaged
export class RmspropGeneral {
  @inline
  update(w: usize, g0: v128, g1: v128, g2: v128, g3: v128, decay: v128): void {
    this.update4(w, g0);
    this.update4(w + 16, g1);
    this.update4(w + 32, g2);
    this.update4(w + 48, g3);
  }

  private update4(w: usize, g: v128): void {
    const rho = v128.load32_splat(0, RHO);
    const oneMinusRho = v128.load32_splat(0, ONE_MINUS_RHO);
    let slot = w + load<usize>(0, SLOT_DISTANCE);
    const meanSquare = flushed(
      f32x4.add(f32x4.mul(rho, v128.load(slot)), f32x4.mul(oneMinusRho, f32x4.mul(g, g))),
    );
    v128.store(slot, meanSquare);
    let d = meanSquare;
    if (load<u32>(0, CENTERED)) {
      slot += load<usize>(0, SLOT_DISTANCE);
      const a = flushed(f32x4.add(f32x4.mul(rho, v128.load(slot)), f32x4.mul(oneMinusRho, g)));
      v128.store(slot, a);
      d = f32x4.pmax(f32x4.sub(meanSquare, f32x4.mul(a, a)), f32x4.splat(0));
    }
    const root = f32x4.sqrt(f32x4.add(d, v128.load32_splat(0, EPSILON)));
    let step = f32x4.div(f32x4.mul(v128.load32_splat(0, LEARNING_RATE), g), root);
    if (load<f32>(0, MOMENTUM) > 0) {
      slot += load<usize>(0, SLOT_DISTANCE);
      step = flushed(f32x4.add(f32x4.mul(v128.load32_splat(0, MOMENTUM), v128.load(slot)), step));
      v128.store(slot, step);
    }
    v128.store(w, f32x4.sub(v128.load(w), step));
  }
}

@final @unmanaged
export class Sgd {
  @inline
  update(w: usize, g0: v128, g1: v128, g2: v128, g3: v128, decay: v128): void {
    const lr = v128.load32_splat(0, LEARNING_RATE);
    v128.store(w, f32x4.sub(v128.load(w), f32x4.mul(g0, lr)));
    v128.store(w, f32x4.sub(v128.load(w, 16), f32x4.mul(g1, lr)), 16);
    v128.store(w, f32x4.sub(v128.load(w, 32), f32x4.mul(g2, lr)), 32);
    v128.store(w, f32x4.sub(v128.load(w, 48), f32x4.mul(g3, lr)), 48);
  }
}

@final @unmanaged
export class SgdMomentum {
  @inline
  update(w: usize, g0: v128, g1: v128, g2: v128, g3: v128, decay: v128): void {
    this.update4(w, g0);
    this.update4(w + 16, g1);
    this.update4(w + 32, g2);
    this.update4(w + 48, g3);
  }

  @inline
  private update4(w: usize, g: v128): void {
    const slot = w + load<usize>(0, SLOT_DISTANCE);
    const step = f32x4.mul(g, v128.load32_splat(0, LEARNING_RATE));
    const m = flushed(f32x4.sub(f32x4.mul(v128.load(slot), v128.load32_splat(0, MOMENTUM)), step));
    v128.store(slot, m);
    const move = load<u32>(0, NESTEROV) ? f32x4.sub(f32x4.mul(m, v128.load32_splat(0, MOMENTUM)), step) : m;
    v128.store(w, f32x4.add(v128.load(w), move));
  }
}

@final @unmanaged
export class Adagrad {
  @inline
  update(w: usize, g0: v128, g1: v128, g2: v128, g3: v128, decay: v128): void {
    this.update4(w, g0);
    this.update4(w + 16, g1);
    this.update4(w + 32, g2);
    this.update4(w + 48, g3);
  }

  @inline
  private update4(w: usize, g: v128): void {
    const slot = w + load<usize>(0, SLOT_DISTANCE);
    const c = f32x4.add(v128.load(slot), f32x4.mul(g, g));
    v128.store(slot, c);
    const root = f32x4.sqrt(f32x4.add(c, v128.load32_splat(0, EPSILON)));
    const step = f32x4.div(f32x4.mul(v128.load32_splat(0, LEARNING_RATE), g), root);
    v128.store(w, f32x4.sub(v128.load(w), step));
  }
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
    const m0 = v128.load(first);
    const m = flushed(f32x4.add(m0, f32x4.mul(f32x4.sub(g, m0), v128.load32_splat(0, ONE_MINUS_BETA_1))));
    v128.store(first, m);
    const v0 = v128.load(second);
    const v = flushed(
      f32x4.add(v0, f32x4.mul(f32x4.sub(f32x4.mul(g, g), v0), v128.load32_splat(0, ONE_MINUS_BETA_2))),
    );
    v128.store(second, v);
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
    const m0 = v128.load(first);
    const m = flushed(f32x4.add(m0, f32x4.mul(f32x4.sub(g, m0), v128.load32_splat(0, ONE_MINUS_BETA_1))));
    v128.store(first, m);
    const v0 = v128.load(second);
    const v = flushed(
      f32x4.add(v0, f32x4.mul(f32x4.sub(f32x4.mul(g, g), v0), v128.load32_splat(0, ONE_MINUS_BETA_2))),
    );
    v128.store(second, v);
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
    const m0 = v128.load(first);
    const m = flushed(f32x4.add(m0, f32x4.mul(f32x4.sub(g, m0), v128.load32_splat(0, ONE_MINUS_BETA_1))));
    v128.store(first, m);
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
export class Adadelta {
  @inline
  update(w: usize, g0: v128, g1: v128, g2: v128, g3: v128, decay: v128): void {
    this.update4(w, g0);
    this.update4(w + 16, g1);
    this.update4(w + 32, g2);
    this.update4(w + 48, g3);
  }

  private update4(w: usize, g: v128): void {
    const meanSquare = w + load<usize>(0, SLOT_DISTANCE);
    const meanUpdate = meanSquare + load<usize>(0, SLOT_DISTANCE);
    const rho = v128.load32_splat(0, RHO);
    const oneMinusRho = v128.load32_splat(0, ONE_MINUS_RHO);
    const epsilon = v128.load32_splat(0, EPSILON);
    const v = flushed(f32x4.add(f32x4.mul(rho, v128.load(meanSquare)), f32x4.mul(oneMinusRho, f32x4.mul(g, g))));
    v128.store(meanSquare, v);
    const a0 = v128.load(meanUpdate);
    const before = f32x4.sqrt(f32x4.add(a0, epsilon));
    const d = f32x4.div(f32x4.mul(before, g), f32x4.sqrt(f32x4.add(v, epsilon)));
    v128.store(
      meanUpdate,
      flushed(f32x4.add(f32x4.mul(rho, a0), f32x4.mul(oneMinusRho, f32x4.mul(d, d)))),
    );
    v128.store(w, f32x4.sub(v128.load(w), f32x4.mul(v128.load32_splat(0, LEARNING_RATE), d)));
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

/**
 * Any rule, with the gradient clipped by value and the weights decayed before it (rules 16 and 17). It is chosen at run
 * time: a copy of the layers' loops for each rule would double the code, and the time to compile it.
 */
@final @unmanaged
export class Prepared {
  @inline
  update(w: usize, g0: v128, g1: v128, g2: v128, g3: v128, decay: v128): void {
    if (load<f32>(0, WEIGHT_DECAY) > 0) decayWeights(w);
    if (load<f32>(0, CLIPVALUE) > 0) updateByRule(w, clipped(g0), clipped(g1), clipped(g2), clipped(g3), decay);
    else updateByRule(w, g0, g1, g2, g3, decay);
  }
}

function updateByRule(w: usize, g0: v128, g1: v128, g2: v128, g3: v128, decay: v128): void {
  switch (load<u32>(0, RULE)) {
    case RULE_RMSPROP: {
      changetype<Rmsprop>(0).update(w, g0, g1, g2, g3, decay);
      break;
    }
    case RULE_RMSPROP_GENERAL: {
      changetype<RmspropGeneral>(0).update(w, g0, g1, g2, g3, decay);
      break;
    }
    case RULE_SGD: {
      changetype<Sgd>(0).update(w, g0, g1, g2, g3, decay);
      break;
    }
    case RULE_SGD_MOMENTUM: {
      changetype<SgdMomentum>(0).update(w, g0, g1, g2, g3, decay);
      break;
    }
    case RULE_ADAGRAD: {
      changetype<Adagrad>(0).update(w, g0, g1, g2, g3, decay);
      break;
    }
    case RULE_ADAM: {
      changetype<Adam>(0).update(w, g0, g1, g2, g3, decay);
      break;
    }
    case RULE_NADAM: {
      changetype<Nadam>(0).update(w, g0, g1, g2, g3, decay);
      break;
    }
    case RULE_ADAMAX: {
      changetype<Adamax>(0).update(w, g0, g1, g2, g3, decay);
      break;
    }
    case RULE_ADADELTA: {
      changetype<Adadelta>(0).update(w, g0, g1, g2, g3, decay);
      break;
    }
    case RULE_LION: {
      changetype<Lion>(0).update(w, g0, g1, g2, g3, decay);
      break;
    }
    default:
      unreachable();
  }
}

/** g < -c ? -c : g > c ? c : g, so that NaN stays NaN. */
@inline
function clipped(g: v128): v128 {
  const most = v128.load32_splat(0, CLIPVALUE);
  return f32x4.pmin(f32x4.pmax(g, f32x4.neg(most)), most);
}

/** w = w - (w * weight_decay) * lr, for sixteen weights. */
function decayWeights(w: usize): void {
  const decay = v128.load32_splat(0, WEIGHT_DECAY);
  const rate = v128.load32_splat(0, LEARNING_RATE);
  for (let at = w; at < w + 64; at += 16) {
    const weights = v128.load(at);
    v128.store(at, f32x4.sub(weights, f32x4.mul(f32x4.mul(weights, decay), rate)));
  }
}

/** No update: keeps the gradients, for the norms and for applyUpdates(). */
@final @unmanaged
export class Keep {
  @inline
  update(w: usize, g0: v128, g1: v128, g2: v128, g3: v128, decay: v128): void {
    const at = w + load<usize>(0, GRADIENT_DISTANCE);
    v128.store(at, g0);
    v128.store(at, g1, 16);
    v128.store(at, g2, 32);
    v128.store(at, g3, 48);
  }
}

/** Called before each step: updates the running products and what is derived from them, in float64. */
export function beginStep(): void {
  switch (load<u32>(0, RULE)) {
    case RULE_ADAM: {
      beginAdamStep();
      break;
    }
    case RULE_NADAM: {
      beginNadamStep();
      break;
    }
    case RULE_ADAMAX: {
      beginAdamaxStep();
      break;
    }
    default:
  }
}

/** Its products are beta_1^t and beta_2^t. */
function beginAdamStep(): void {
  const power1 = load<f64>(0, POWER_1) * load<f64>(0, BETA_1);
  const power2 = load<f64>(0, POWER_2) * load<f64>(0, BETA_2);
  store<f64>(0, power1, POWER_1);
  store<f64>(0, power2, POWER_2);
  store<f32>(0, <f32>((load<f64>(0, RATE) * sqrt<f64>(1 - power2)) / (1 - power1)), ALPHA);
}

/** Its products are 0.96^t, that of its momenta, and beta_2^t. */
function beginNadamStep(): void {
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
function beginAdamaxStep(): void {
  const power = load<f64>(0, POWER_1) * load<f64>(0, BETA_1);
  store<f64>(0, power, POWER_1);
  store<f32>(0, <f32>(1 - power), MEAN_DIVISOR);
}
