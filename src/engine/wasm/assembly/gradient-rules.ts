import {
  CENTERED,
  EPSILON,
  LEARNING_RATE,
  MOMENTUM,
  NESTEROV,
  ONE_MINUS_RHO,
  RHO,
  SLOT_DISTANCE,
} from '../../kernel/header.ts';
import { flushed } from './flushed.ts';

/** The update rules whose steps follow the gradient itself; optimizers.ts says how a rule is written. */

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
