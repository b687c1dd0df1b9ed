/**
 * The layout of the header: the first bytes of a kernel's memory, where the host (kernel-engine.ts) passes parameters.
 * tsc and asc compile this file and the build translates it to C, so all sides agree; it may therefore contain only
 * integers.
 *
 * Addresses count bytes from the start of the memory. An entry is a u32 unless noted otherwise. Each address is the
 * previous one plus the size of that entry. Exported constants have the same name in C.
 */

/** Sizes of entries in bytes. An f64 after a single u32 starts F64 bytes after it, at a multiple of 8. */
const U32 = 4;
const F32 = 4;
const F64 = 8;

/** One of the RULE_ constants below. */
export const RULE = 0;
/** Number of dense layers, including the last: 1 to 9. Their records start at LAYER_RECORDS. */
export const LAYERS = RULE + U32;
/** Rows of a full batch, and rows of an epoch. */
export const BATCH_SIZE = LAYERS + U32;
export const EPOCH_ROWS = BATCH_SIZE + U32;
/** Bytes between the panels of a batch: its rows, an even number of them, times PANEL_BYTES. */
export const BATCH_PANEL_BYTES = EPOCH_ROWS + U32;
/** Bytes from a weight to its value in the first slot, from there to the second, and so on. */
export const SLOT_DISTANCE = BATCH_PANEL_BYTES + U32;
/** Start and end of the block that holds weights and slots. */
export const PARAMETERS = SLOT_DISTANCE + U32;
export const PARAMETERS_END = PARAMETERS + U32;
/** (steps per epoch + 1) f32: rmsprop's powers of rho (rule 8); address 0 for update rules without them. */
export const DECAYS = PARAMETERS_END + U32;
/** (I of the first layer): the step of each row's last update. */
export const UPDATED_AT = DECAYS + U32;
/** 1 if updates skip untouched rows of the first layer (rule 8), else 0. */
export const SKIPS_UNTOUCHED_ROWS = UPDATED_AT + U32;
/** (epoch rows): the epoch's row numbers. */
export const ORDER = SKIPS_UNTOUCHED_ROWS + U32;
/** (steps per epoch) f64: the learning rate of each step. */
export const RATES = ORDER + U32;
/** (R + 1): the address of each row's nonzeros and the end of the last row's, from packRows(). */
export const ROW_STARTS = RATES + U32;
/** (R): classes, or numbers as f32. */
export const TARGETS = ROW_STARTS + U32;
/** The lists of nonzeros.ts. */
export const ITEMS = TARGETS + U32;
export const ROW_ENDS = ITEMS + U32;
export const SORTED_ITEMS = ROW_ENDS + U32;
export const CURSORS = SORTED_ITEMS + U32;
export const TOUCHED_ROWS = CURSORS + U32;
/** Scratch space for the transposed weights of one layer. */
export const TRANSPOSED = TOUCHED_ROWS + U32;
/** (B) f32 and (B): the loss layer's results for the latest batch. */
export const LOSSES = TRANSPOSED + U32;
export const PREDICTED = LOSSES + U32;
/** Totals of the current epoch: steps done, correct predictions, and as f64 the sums of losses and absolute errors. */
export const EPOCH_STEP = PREDICTED + U32;
export const CORRECT = EPOCH_STEP + U32;
export const LOSS_SUM = CORRECT + U32;
export const ABSOLUTE_ERROR = LOSS_SUM + F64;

/** Of the current step, as f64 and as f32. */
export const RATE = ABSOLUTE_ERROR + F64;
export const LEARNING_RATE = RATE + F64;
/** Hyper-parameters and constants derived from them, as f32. */
export const RHO = LEARNING_RATE + F32;
export const ONE_MINUS_RHO = RHO + F32;
export const MOMENTUM = ONE_MINUS_RHO + F32;
export const EPSILON = MOMENTUM + F32;
export const ONE_MINUS_BETA_1 = EPSILON + F32;
export const ONE_MINUS_BETA_2 = ONE_MINUS_BETA_1 + F32;
export const BETA_1_ROUNDED = ONE_MINUS_BETA_2 + F32;
export const BETA_2_ROUNDED = BETA_1_ROUNDED + F32;
export const WEIGHT_DECAY = BETA_2_ROUNDED + F32;
export const CLIPVALUE = WEIGHT_DECAY + F32;
/** Of the current step: adam's rate, and the factors and divisors of nadam and adamax. */
export const ALPHA = CLIPVALUE + F32;
export const MEAN_FACTOR = ALPHA + F32;
export const MEAN_DIVISOR = MEAN_FACTOR + F32;
export const GRADIENT_FACTOR = MEAN_DIVISOR + F32;
export const GRADIENT_DIVISOR = GRADIENT_FACTOR + F32;
export const SQUARE_DIVISOR = GRADIENT_DIVISOR + F32;
/** 1 or 0. */
export const CENTERED = SQUARE_DIVISOR + F32;
/** As f64: the betas before rounding, and the running products of adam and its kin. */
export const BETA_1 = CENTERED + F64;
export const BETA_2 = BETA_1 + F64;
export const POWER_1 = BETA_2 + F64;
export const POWER_2 = POWER_1 + F64;
export const POWER_3 = POWER_2 + F64;

/** As f64: the largest norm of a gradient. */
export const MOST_NORM = POWER_3 + F64;
/** (PANEL_COLUMNS) f64: scratch space. */
export const COLUMN_SUMS = MOST_NORM + F64;

/** touchRows() writes a meaningless number here, so that the compiler keeps its reads. */
export const SEEN = COLUMN_SUMS + 16 * F64;
/** One of the ACTIVATION_ constants below. */
export const ACTIVATION = SEEN + U32;
/** Dropout: the job's seed, steps the job has done, 1 or 0 for with or without dropout, threshold, and scale (f32). */
export const SEED = ACTIVATION + U32;
export const JOB_STEP = SEED + U32;
export const HAS_DROPOUT = JOB_STEP + U32;
export const DROPOUT_THRESHOLD = HAS_DROPOUT + U32;
export const DROPOUT_SCALE = DROPOUT_THRESHOLD + U32;
/** 1 or 0. */
export const NESTEROV = DROPOUT_SCALE + F32;
export const AMSGRAD = NESTEROV + U32;
/** One of the STORAGE_ constants, and one of the LOSS_ constants below. */
export const STORAGE = AMSGRAD + U32;
export const LOSS = STORAGE + U32;
/** 1 if weights decay, or gradients get l1 and l2 or are clipped before the update, else 0. */
export const PREPARES = LOSS + U32;
/** Bytes from a weight to its gradient, for steps that need all gradients before the first update. */
export const GRADIENT_DISTANCE = PREPARES + U32;
/** 1 if MOST_NORM is that of all gradients together, 0 if it is that of each kernel and each bias. */
export const HAS_GLOBAL_NORM = GRADIENT_DISTANCE + U32;
/** Where the list of touched rows ends, for the latest batch. */
export const TOUCHED_ROWS_END = HAS_GLOBAL_NORM + U32;
/** 1 if gradients are clipped by their norm, else 0; and whether the next step keeps the squares of its norms. */
export const CLIPS_BY_NORM = TOUCHED_ROWS_END + U32;
export const MEASURES = CLIPS_BY_NORM + U32;

/** (O) f32: the weights of the classes; address 0 if all are 1. */
export const CLASS_WEIGHTS = MEASURES + U32;
/** f32: the target values of a row's class and of the others. */
export const LABEL_ON = CLASS_WEIGHTS + U32;
export const LABEL_OFF = LABEL_ON + F32;

/** 1 if l1 or l2 is more than 0, else 0. */
export const HAS_PENALTY = LABEL_OFF + F32;
/** f32: the factors of sign(w) and w in the gradient. */
export const L1_SLOPE = HAS_PENALTY + U32;
export const L2_SLOPE = L1_SLOPE + F32;
/** f64: the factors of sum |w| and sum w^2 in the loss. */
export const L1 = L2_SLOPE + F64;
export const L2 = L1 + F64;
/** Behind the last entry. */
export const ENTRIES_END = L2 + F64;

/** There is room for this many layers, more than the contract allows. */
const MOST_LAYERS = 24;
/** One record per layer, from input to output. The address is a multiple of 64 beyond the entries above. */
export const LAYER_RECORDS = 640;
export const LAYER_RECORD_BYTES = 64;
/**
 * Entries of a record: I, O, the addresses of W (with b), the output, its gradient, the output after dropout and the
 * derivatives of the activation, if it keeps them, as f32 what the gradients of W and of b are multiplied with, and as
 * f64 the squares of their norms.
 */
export const INPUTS = 0;
export const OUTPUTS = INPUTS + U32;
export const WEIGHTS = OUTPUTS + U32;
export const OUT = WEIGHTS + U32;
export const DELTAS = OUT + U32;
export const KEPT = DELTAS + U32;
export const SLOPES = KEPT + U32;
export const KERNEL_SCALE = SLOPES + U32;
export const BIAS_SCALE = KERNEL_SCALE + F32;
export const KERNEL_SQUARES = BIAS_SCALE + F64;
export const BIAS_SQUARES = KERNEL_SQUARES + F64;

/** (256) f32: the model's input for each value of a byte. */
export const BYTE_VALUES = LAYER_RECORDS + MOST_LAYERS * LAYER_RECORD_BYTES;
export const HEADER_BYTES = BYTE_VALUES + 256 * F32;

/** Columns of a panel, and bytes of one row of a panel. */
export const PANEL_COLUMNS = 16;
export const PANEL_BYTES = PANEL_COLUMNS * F32;
/** Sizes of a nonzero of a packed row: input << 8 | byte as a u32, or { u32 input, f32 value }. */
export const NONZERO_BYTE_BYTES = 4;
export const NONZERO_FLOAT_BYTES = 8;
/** Sizes of an item of nonzeros.ts and of an entry in its list of touched rows. */
export const ITEM_BYTES = 8;
export const TOUCHED_ROW_BYTES = 16;

export const STORAGE_U8 = 0;
export const STORAGE_F32 = 1;

export const LOSS_CATEGORICAL_CROSSENTROPY = 0;
export const LOSS_MSE = 1;
export const LOSS_MAE = 2;
export const LOSS_HUBER = 3;

export const ACTIVATION_RELU = 0;
export const ACTIVATION_TANH = 1;
export const ACTIVATION_SIGMOID = 2;
export const ACTIVATION_LEAKY_RELU = 3;
export const ACTIVATION_ELU = 4;
export const ACTIVATION_SELU = 5;
export const ACTIVATION_GELU_TANH = 6;
export const ACTIVATION_SILU = 7;
export const ACTIVATION_SOFTPLUS = 8;
export const ACTIVATION_LINEAR = 9;

/** The update rules. MOMENTUM, CENTERED, NESTEROV and AMSGRAD distinguish variants that share a loop. */
export const RULE_RMSPROP = 0;
export const RULE_RMSPROP_GENERAL = 1;
export const RULE_SGD = 2;
export const RULE_SGD_MOMENTUM = 3;
export const RULE_ADAGRAD = 4;
export const RULE_ADAM = 5;
export const RULE_NADAM = 6;
export const RULE_ADAMAX = 7;
export const RULE_ADADELTA = 8;
export const RULE_LION = 9;
