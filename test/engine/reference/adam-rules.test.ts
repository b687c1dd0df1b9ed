import { describe, it } from 'vitest';
import { expectClose, ONES, oneStep, optimizer, SMALL_THEN_LARGE, trajectory } from './trajectory.ts';

/** The rules of adam's kin and adadelta worked out by hand, as in update-rules.test.ts. */

describe('nadam', () => {
  it('takes one step (Keras)', () => {
    // u = 0.9 (1 - 0.5 * 0.96) = 0.468, u' = 0.9 (1 - 0.5 * 0.9216) = 0.48528, U = 0.468; v / (1 - 0.999) = g^2
    // mean = g (0.48528 * 0.1 / (1 - 0.468 * 0.48528) + (1 - 0.468) / (1 - 0.468)) = 1.0627878 g
    // step = 0.5 * 1.0627878
    const after = oneStep(optimizer({ type: 'nadam', learning_rate: 0.5 }));
    expectClose(after, [0.4686062, 1.4686061, 2.4686061, 3.4686061]);
  });

  it('takes three steps', () => {
    // t = 2: u = 0.48528, u' = 0.5018688, U = 0.468 * 0.48528 = 0.22711104, m = 0.19
    //        mean = 0.5018688 * 0.19 / (1 - 0.113980) + 0.51472 / 0.772889 = 0.107623 + 0.665969 = 0.773591
    // t = 3: u = 0.5018688, u' = 0.517794, U = 0.11397995, m = 0.271: mean = 0.149127 + 0.562208 = 0.711335
    const after = trajectory(optimizer({ type: 'nadam' }), 1, ONES);
    expectClose(after, [0.9989372, 0.9981636, 0.9974523]);
  });

  it('takes steps after a small gradient', () => {
    // t = 2: m = 0.0109, mean = 0.006174 + 0.066597 = 0.072771, v / (1 - 0.998001) = 0.00505248: step = 0.00102378
    const after = trajectory(optimizer({ type: 'nadam' }), 1, SMALL_THEN_LARGE);
    expectClose(after, [0.9989372, 0.9979134, 0.9970936, 0.9963265, 0.9955703]);
  });
});

describe('adamw', () => {
  it('takes one step', () => {
    // w * (1 - 0.004 * 0.5), then the step of adam
    const after = oneStep(optimizer({ type: 'adamw', learning_rate: 0.5 }));
    expectClose(after, [0.4980016, 1.4960003, 2.4940002, 3.4920008]);
  });

  it('takes three steps', () => {
    // 1 - 0.000004 - 0.001 = 0.998996; 0.998996 (1 - 0.000004) - 0.001 = 0.997992; ...
    expectClose(trajectory(optimizer({ type: 'adamw' }), 1, ONES), [0.998996, 0.997992, 0.996988]);
  });

  it('is adam without a decay, and 0 is none', () => {
    const plain = trajectory(optimizer({ type: 'adam' }), 1, SMALL_THEN_LARGE);
    expectClose(trajectory(optimizer({ type: 'adamw', weight_decay: 0 }), 1, SMALL_THEN_LARGE), plain);
  });
});

describe('adamax', () => {
  it('takes one step (Keras)', () => {
    // m = 0.1 g, u = g: step = 0.5 * 0.1 g / (0.1 g)
    expectClose(oneStep(optimizer({ type: 'adamax', learning_rate: 0.5 })), [0.5, 1.5, 2.5, 3.5]);
  });

  it('takes three steps', () => {
    // u = 1, and m / (1 - 0.9^t) = 1
    expectClose(trajectory(optimizer({ type: 'adamax' }), 1, ONES), [0.999, 0.998, 0.997]);
  });

  it('takes steps after a small gradient', () => {
    // t = 2: m = 0.0109, u = 0.1: step = 0.001 * 0.0109 / (0.19 * 0.1) = 0.00057368
    // t = 3: m = 0.01981: step = 0.001 * 0.01981 / (0.271 * 0.1) = 0.000731
    const after = trajectory(optimizer({ type: 'adamax' }), 1, SMALL_THEN_LARGE);
    expectClose(after, [0.999, 0.9984263, 0.9976953, 0.9968861, 0.9960303]);
  });

  it('remembers a large gradient', () => {
    // beta_2 = 0.5, g = 1, 0.1, 0.1: u = 1, 0.5, 0.25; m = 0.1, 0.1, 0.1
    // step = 0.001 * 0.1 / (0.1 * 1), 0.001 * 0.1 / (0.19 * 0.5), 0.001 * 0.1 / (0.271 * 0.25)
    const after = trajectory(optimizer({ type: 'adamax', beta_2: 0.5 }), 1, [1, 0.1, 0.1]);
    expectClose(after, [0.999, 0.9979474, 0.9964713]);
  });
});

describe('adadelta', () => {
  it('takes one step (Keras)', () => {
    // v = 0.05 g^2, a = 0: d = sqrt(1e-7) g / sqrt(0.05 g^2 + 1e-7) = 0.00141421, step = 0.5 d
    const after = oneStep(optimizer({ type: 'adadelta', learning_rate: 0.5 }));
    expectClose(after, [0.9992929, 1.9992929, 2.9992929, 3.9992929]);
  });

  it('takes three steps', () => {
    // v = 0.05, 0.0975, 0.142625
    // d = sqrt(1e-7 / 0.05) = 0.00141421; a = 0.05 d^2 = 1e-7; d = sqrt(2e-7 / 0.0975) = 0.00143223;
    // a = 0.95e-7 + 0.05 d^2 = 1.97564e-7; d = sqrt(2.97564e-7 / 0.142625) = 0.00144442
    const after = trajectory(optimizer({ type: 'adadelta', learning_rate: 1 }), 1, ONES);
    expectClose(after, [0.9985858, 0.9971536, 0.9957091]);
  });

  it('takes steps after a small gradient (Keras)', () => {
    const settings = { learning_rate: 1, rho: 0.8, epsilon: 1e-6 };
    // v = 0.2e-4, d = sqrt(1e-6) 0.01 / sqrt(2.1e-5) = 0.0021822; ...
    const after = trajectory(optimizer({ type: 'adadelta', ...settings }), 1, SMALL_THEN_LARGE);
    for (const [t, published] of [0.9978, 0.9947, 0.9915, 0.9882, 0.9849].entries()) {
      expectClose([Math.round(1e4 * after[t]) / 1e4], [published]);
    }
  });
});

describe('lion', () => {
  it('takes one step (Keras)', () => {
    expectClose(oneStep(optimizer({ type: 'lion', learning_rate: 0.5 })), [0.5, 1.5, 2.5, 3.5]);
  });

  it('takes three steps', () => {
    expectClose(trajectory(optimizer({ type: 'lion' }), 1, ONES), [0.999, 0.998, 0.997]);
  });

  it('follows the sign of the mean, and stands where it is 0', () => {
    // m = 0.01: 0.9 * 0.01 - 0.1 < 0; m = -0.0001: 0.9 * -0.0001 - 0.005 < 0; m = -0.000599: still < 0
    expectClose(trajectory(optimizer({ type: 'lion' }), 1, [1, -1, -0.05, 0]), [0.999, 1, 1.001, 1.002]);
    expectClose(trajectory(optimizer({ type: 'lion' }), 1, [0, 0]), [1, 1]);
  });
});
