/**
 * 20 configurations that together use the options of training that a checkpoint must carry over: schedules, monitors,
 * clipping, penalties, weights of classes, and every optimizer. patience: of early_stopping, in epochs. A dataset with
 * classes `0` to `9` and validation rows is the caller's.
 */
export function optionedSpecs({ epochs, patience }: { epochs: number; patience: number }): readonly object[] {
  const stop = { early_stopping: { patience } };
  const restore = (options: object = {}) => ({
    early_stopping: { patience, restore_best_weights: true, ...options },
  });
  const reduce = (options: object = {}) => ({
    reduce_lr_on_plateau: { patience: 1, factor: 0.5, ...options },
  });
  const rate = (type: string, options: object) => ({ learning_rate: { type, ...options } });
  const decay = { initial_learning_rate: 0.005, decay_steps: 20, decay_rate: 0.9 };
  const pieces = rate('piecewise_constant_decay', { boundaries: [12, 30], values: [0.05, 0.02, 0.01] });
  const cosine = { initial_learning_rate: 0, warmup_target: 0.005, warmup_steps: 10, decay_steps: 40 };
  const restarts = { initial_learning_rate: 0.005, first_decay_steps: 9 };
  const weights = { class_weight: { 4: 2, 9: 0.5 } };
  const specs: { model?: object; optimizer: object; training?: object }[] = [
    { optimizer: { type: 'rmsprop', ...rate('exponential_decay', decay) }, model: { dropout: 0.2 } },
    { optimizer: { type: 'adam', ...rate('cosine_decay', cosine), global_clipnorm: 0.5 } },
    { optimizer: { type: 'sgd', momentum: 0.9, ...pieces }, model: { l2: 0.001 } },
    {
      optimizer: {
        type: 'adamw',
        ...rate('polynomial_decay', { initial_learning_rate: 0.005, decay_steps: 35 }),
      },
      training: { label_smoothing: 0.1 },
    },
    { optimizer: { type: 'nadam', ...rate('inverse_time_decay', decay) }, model: { activation: 'silu' } },
    { optimizer: { type: 'adamax', ...rate('cosine_decay_restarts', restarts), clipvalue: 0.01 } },
    { optimizer: { type: 'adadelta', learning_rate: 1, clipnorm: 0.1 }, training: weights },
    { optimizer: { type: 'lion', learning_rate: 0.0003 }, training: { class_weight: 'balanced' } },
    { optimizer: { type: 'adagrad', learning_rate: 0.05 }, model: { l1: 0.0001 } },
    { optimizer: { type: 'rmsprop', learning_rate: 0.02 }, training: stop },
    { optimizer: { type: 'adam', learning_rate: 0.02 }, training: restore() },
    {
      optimizer: { type: 'sgd', learning_rate: 0.2, momentum: 0.9, nesterov: true },
      training: restore({ monitor: 'val_accuracy' }),
    },
    { optimizer: { type: 'adam', amsgrad: true, learning_rate: 0.02 }, training: reduce() },
    {
      optimizer: { type: 'rmsprop', centered: true, learning_rate: 0.02 },
      training: { ...reduce(), ...stop },
    },
    { optimizer: { type: 'adam' }, model: { dropout: 0.3 }, training: { ...reduce(), ...restore() } },
    {
      optimizer: { type: 'lion', learning_rate: 0.001 },
      training: restore({ min_delta: 0.05, start_from_epoch: 1 }),
    },
    {
      optimizer: { type: 'adamw', weight_decay: 0.01, clipnorm: 0.1 },
      model: { l1: 0.0001, l2: 0.001, activation: 'gelu_tanh' },
      training: weights,
    },
    { optimizer: { type: 'nadam', learning_rate: 0.02 }, training: restore({ baseline: 1 }) },
    {
      optimizer: { type: 'adamax', learning_rate: 0.02 },
      training: {
        label_smoothing: 0.2,
        ...reduce({ cooldown: 1, min_lr: 0.001, monitor: 'loss', min_delta: 0.1 }),
      },
    },
    {
      optimizer: { type: 'sgd', momentum: 0.5, global_clipnorm: 1, weight_decay: 0.001, ...pieces },
      model: { l2: 0.001, dropout: 0.1, activation: 'elu' },
      training: { ...restore({ monitor: 'loss' }), label_smoothing: 0.1, validation: 'random', ...weights },
    },
  ];
  return specs.map(({ model, optimizer, training }, k) => ({
    model: { hidden_units: k % 2 === 0 ? [24, 12] : [32], ...model },
    optimizer,
    training: { epochs, seed: 200 + k, ...training },
  }));
}
