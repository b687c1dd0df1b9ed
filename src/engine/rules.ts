/**
 * The rules that make every engine except tensorflow give the same bits, on any machine and Node version. Code and
 * tests cite them by number.
 *
 * Every float32 operation is rounded immediately (Math.fround, or the store into a Float32Array); brackets give the
 * order of evaluation. "Sum" means one float32 accumulator that starts at +0 and adds its terms in the stated order,
 * with one rounded product and one rounded addition per term. No fused multiply-add, no relaxed SIMD, no reordering:
 * loops are vectorised over outputs, never along a sum. Constants derived from hyper-parameters (1 - rho,
 * 1 / (1 - rate), ...) are computed in float64 from the JSON numbers and rounded to float32 once.
 *
 * Dims: r = row of the batch, i = input, j = output or class, n = rows of this batch.
 *
 * Rule 1, input: a byte is x[r, i] = fround(byte / 255), a float32 is itself. Row r is a position in the batch.
 *
 * Rule 2, forward: z[r, j] = (sum over i ascending of x[r, i] * W[i, j]) + b[j]. The first layer may leave out terms
 *   with x[r, i] = 0: a sum that starts at +0 never becomes -0, so this is exact while the weights are finite. Later
 *   layers leave nothing out.
 *
 * Rule 3, activations: relu(z) = z < 0 ? 0 : z, so that NaN stays NaN; its derivative is 1 where the output is > 0,
 *   else 0. sigmoid and tanh are computed in float64 and rounded once: e = exp(-|z|),
 *   s = z >= 0 ? 1 / (1 + e) : e / (1 + e); e = exp(-2|z|), t = |z| < 2^-12 ? z : sign(z) * ((1 - e) / (1 + e)). Their
 *   derivatives are computed in float32 from the output before dropout: s * (1 - s), 1 - (t * t), applied as
 *   d * derivative. leaky_relu(z) = z < 0 ? a * z : z with a = fround(0.2); derivative h > 0 ? 1 : a. In float64, rounded
 *   once: elu(z) = z > -2^-24 ? z : exp(z) - 1; derivative h < 0 ? h + 1 : 1. selu(z) = z > 0 ? c * z : k * elu(z), with elu
 *   not yet rounded, c = 1.0507009873554805, k = 1.7580993408473768; derivative h < 0 ? h + fround(k) : fround(c).
 *   linear(z) = z; derivative 1. The others have their derivative from z, also in float64 and rounded once:
 *   silu(z) = z * s with s = sigmoid(z); s * (1 + z * (1 - s)). gelu_tanh(z) = z * s with s = sigmoid(v),
 *   v = g * (z + b * ((z * z) * z)), g = 1.5957691216057308, b = 0.044715; s * (1 + z * ((1 - s) * v')),
 *   v' = g * (1 + (3 * b) * (z * z)). softplus(z) = z > 0 ? z + l : l with l = log1p(exp(-|z|)) (log1p.ts); sigmoid(z).
 *
 * Rule 4, dropout, after the activation: where u32(seed, layer, step, r * units + j) >= floor(rate * 2^32), the output
 *   is h * scale, elsewhere +0. Backward: the same mask and scale on the incoming gradient, then the derivative.
 *
 * Rule 5, loss of a row: m = max over classes (ascending, strict >), e[j] = exp(z[j] - m), s = sum over j ascending of
 *   e[j], l = log(s) - (z[y] - m). Gradient: d[j] = ((e[j] / s) - y[j]) / n. exp and log are our own (exp-log.ts): in
 *   float64 from + - * / and floor alone, rounded to float32 once. Never Math.exp, Math.log, Math.pow or 2 ** k.
 *   With label smoothing a, y[j] = on = (1 - a) + a / O for the row's class and off = a / O for the others, rounded to
 *   float32 once, and l = sum over j ascending of y[j] * (log(s) - (z[j] - m)). With class weights w, in training only, the
 *   row's loss is w[y] * l and its gradient d[j] * w[y].
 *   Where the target is a number y and the model has one output z: e = z - y. mse: l = e * e, s = 2 * e. mae: l = |e|,
 *   s = sign(e), with sign(0) = 0. huber: l = 0.5 * (e * e), s = e where |e| <= 1; elsewhere l = |e| - 0.5,
 *   s = sign(e). Gradient: d = s / n.
 *
 * Rule 6, backward: dh[r, k] = sum over j ascending of d[r, j] * W[k, j], with W before this step's update;
 *   dW[k, j] = sum over r ascending of x[r, k] * d[r, j] (rule 2 on terms with x[r, k] = 0);
 *   db[j] = sum over r ascending of d[r, j]. Updates come after all gradients.
 *
 * Rule 7, totals: a step's loss is the float64 sum of its rows' l in row order; an epoch's is the float64 sum of its
 *   steps' sums in order, divided by its rows. The engine keeps these sums, so that they do not depend on how often a
 *   trainer yields. Validation and test: one float64 sum over the rows in file order. The predicted class is the lowest
 *   index among equal maxima. Absolute errors |e| are summed as losses are.
 *
 * Rule 8, untouched rows: row i of the first layer's W is touched at a step if x[r, i] != 0 for some row r of the
 *   batch, whatever path computes it. If a gradient of 0 changes no weight (skipsUntouchedRows() in
 *   optimizer-state.ts; never with weight_decay), untouched rows are not updated. If such an optimizer's slots decay (decaysUntouchedSlots()),
 *   then, with s the step of the row's last update: v = P[t - s] * v + (1 - rho) * (g * g); P[0] = 1,
 *   P[k] = fround(P[k - 1] * rho), values below 2^-126 set to 0. At the end of each epoch (step T), every row with
 *   s < T gets v = P[T - s] * v, s = T. All other optimizers update all rows at every step.
 *
 * Rule 9, divergence: a step whose loss is not finite changes nothing and ends the job `diverged`; weights and slots
 *   are also scanned at the end of each epoch. Numbers that are not finite are never hashed or saved.
 *
 * Rule 10, randomness: a counter hash of 32-bit integer operations, u32(seed, stream, a, b) (random.ts). Weight k of a
 *   layer, with u = the top 24 bits * 2^-24 and the variance a / n, which is 2 / (inputs + outputs) for glorot, 2 / inputs
 *   for he, 1 / inputs for lecun: uniform: fround((2 * u - 1) * limit), limit = sqrt((3 * a) / n) rounded to float32;
 *   normal: fround(deviation * (sqrt(2) * inverseErf((2 * u - 1) * 0.9544997361036416))), deviation =
 *   sqrt(a / n) / 0.8796256610342398 rounded to float32. inverseErf(y) = p * y with
 *   w = log(1 / ((1 - y) * (1 + y))) - 3.125 and p the polynomial of inverse-erf.ts by Horner's rule, from 0 and the
 *   highest power down, p = p * w + c, all in float64. Biases are 0. Epoch order: Fisher-Yates from the last index down, j = floor(u32 * (i + 1) / 2^32). A
 *   resume therefore needs the epoch, the step and the optimizer's state, but no generator state.
 *
 * Rule 11, layout: weights are hashed and saved as W1 b1 W2 b2 ..., row-major [in][out]. The padding columns of a
 *   kernel's panels hold +0 after every layer and update, and are never hashed or saved. States are taken at epoch ends
 *   only, so that taking one never changes a bit.
 *
 * Rule 12, updates: Keras's formulas in Keras's order of operations, as in reference/gradient-rules.ts and
 *   reference/adam-rules.ts. Running products, such as beta_1^t, and what is derived from them are float64, rounded to
 *   float32 once at each step.
 *
 * Rule 13, slots that decay (means, moments, velocities; not adagrad's sum and amsgrad's maximum) are +0 wherever their
 *   new value s has |s| < 2^-126, before it is used or stored: at each update and at each late decay of rule 8. The
 *   slots of dead units would otherwise end in denormal numbers, where rho * v rounds to v for ever, and which cost a
 *   processor a hundred cycles each. NaN stays NaN, so that rule 9 sees it.
 *
 * Rule 14, exp, log and cos of any number (exp-log.ts): in float64 from + - * / and floor alone. exp: relative error below
 *   3e-14 for |x| <= 80 and below 2e-13 elsewhere; 0 below -104, Infinity above 709. log: error below 2e-14, absolute or
 *   relative. cos: absolute error below 1e-15 for |x| <= 2^20. b^p = exp(p * log(b)), but b^0 = 1 and b^1 = b.
 *
 * Rule 15, learning rates: the rate of a step is a function of its number in the job, from 0, by Keras's formulas
 *   (learning-rates.ts) in float64. Updates round it to float32 once; adam's alpha = lr * sqrt(1 - beta_2^t) /
 *   (1 - beta_1^t) takes it in float64 and is rounded once.
 *
 * Rule 16, before an update, in this order: clipvalue, g = g < -c ? -c : g > c ? c : g; then the decay of all weights and
 *   biases, w = w - ((w * weight_decay) * lr).
 *
 * Rule 17, clipnorm and global_clipnorm, in place of clipvalue: a step computes all gradients, then their norms, then
 *   updates. The square of a norm is a float64 sum: of g * g of each column over rows ascending, of the columns ascending,
 *   and for global_clipnorm of the tensors in the order of rule 11. Untouched rows add 0. norm <= c leaves g alone,
 *   else g = g * fround(c / norm). A norm that is not finite changes no weight and no slot, and ends the job `diverged`.
 *   Norms that are only measured are those before clipvalue, clipnorm or global_clipnorm, and change nothing.
 *
 * Rule 18, l1 and l2, of kernels and not of biases: g = (g + l1 * sign(w)) + (2 * l2) * w, with sign(0) = 0 and l1 and
 *   2 * l2 rounded to float32 once, before gradients are clipped and weights decay. A step's loss gets
 *   B * (l1 * sum |w| + l2 * sum w * w) with the weights before the step, all in float64: each sum goes down a column, then
 *   over columns, then over layers. With l1 or l2 a gradient of 0 may change a weight, so no row is left out (rule 8).
 */

/**
 * Increases when a change of the rules makes the same spec give other bits. Checkpoints of another version are
 * refused.
 */
export const RULES_VERSION = 2;
