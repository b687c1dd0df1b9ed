import {
  CLIPVALUE,
  GRADIENT_DISTANCE,
  LEARNING_RATE,
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
  WEIGHT_DECAY,
} from '../../kernel/header.ts';
import { Adam, Adamax, beginAdamaxStep, beginAdamStep, beginNadamStep, Lion, Nadam } from './adam-rules.ts';
import { Adadelta, Adagrad, Rmsprop, RmspropGeneral, Sgd, SgdMomentum } from './gradient-rules.ts';

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
