/**
 * The first bytes of a kernel's memory: what the host (kernel-engine.ts) tells it, and where each number lies. Read by
 * tsc and asc, and by the build for the C compiler, so that no two sides can disagree; hence nothing here but integers.
 *
 * Addresses count bytes from the start of the memory. Unless something else is said, an entry is a u32. Each address is
 * computed from the one before it, and so from what that one takes; what is exported has a name in C too.
 */

/** Bytes that entries take. An f64 behind a single u32 begins F64 after it, at a multiple of 8. */
const U32 = 4;
const F32 = 4;
const F64 = 8;

/** One of the RULE_ constants below. */
export const RULE = 0;
/** Dense layers, the last one included: 1 to 9; their records begin at LAYER_RECORDS. */
export const LAYERS = RULE + U32;
/** Rows of a full batch, and how many rows an epoch visits. */
export const BATCH_SIZE = LAYERS + U32;
export const EPOCH_ROWS = BATCH_SIZE + U32;
/** Bytes between the panels of a batch: its rows, an even number of them, times PANEL_BYTES. */
export const BATCH_PANEL_BYTES = EPOCH_ROWS + U32;
/** Bytes from a weight to its value in the first slot, from there to the second, ... */
export const SLOT_DISTANCE = BATCH_PANEL_BYTES + U32;
/** Weights and slots are one block: where it begins and ends. */
export const PARAMETERS = SLOT_DISTANCE + U32;
export const PARAMETERS_END = PARAMETERS + U32;
/** (steps of an epoch + 1) f32: rmsprop's powers of rho (rule 8); 0 for update rules that have none. */
export const DECAYS = PARAMETERS_END + U32;
/** (I of the first layer): the step of each row's last update. */
export const UPDATED_AT = DECAYS + U32;
/** 1 where rows of the first layer without a lit pixel are left alone (rule 8), else 0. */
export const SKIPS_UNTOUCHED_ROWS = UPDATED_AT + U32;
/** (epoch rows): the epoch's row numbers. */
export const ORDER = SKIPS_UNTOUCHED_ROWS + U32;
/** (R + 1): where each image's lit pixels begin and the last one's end, as packImages() leaves them; and (R) bytes. */
export const IMAGE_STARTS = ORDER + U32;
export const LABELS = IMAGE_STARTS + U32;
/** The lists of pixel-items.ts. */
export const ITEMS = LABELS + U32;
export const ROW_ENDS = ITEMS + U32;
export const SORTED_ITEMS = ROW_ENDS + U32;
export const CURSORS = SORTED_ITEMS + U32;
export const LIT_ROWS = CURSORS + U32;
/** Room for one layer's weights, transposed. */
export const TRANSPOSED = LIT_ROWS + U32;
/** (B) f32 and (B): what the loss layer found in the latest batch. */
export const LOSSES = TRANSPOSED + U32;
export const PREDICTED = LOSSES + U32;
/** Of the running epoch: steps done, right answers, and as f64 the sum of the losses. */
export const EPOCH_STEP = PREDICTED + U32;
export const CORRECT = EPOCH_STEP + U32;
export const LOSS_SUM = CORRECT + U32;

/** Hyper-parameters, and constants made of them, as f32. */
export const LEARNING_RATE = LOSS_SUM + F64;
export const RHO = LEARNING_RATE + F32;
export const ONE_MINUS_RHO = RHO + F32;
export const MOMENTUM = ONE_MINUS_RHO + F32;
export const EPSILON = MOMENTUM + F32;
export const ONE_MINUS_BETA_1 = EPSILON + F32;
export const ONE_MINUS_BETA_2 = ONE_MINUS_BETA_1 + F32;
export const ALPHA = ONE_MINUS_BETA_2 + F32;
/** 1 or 0. */
export const CENTERED = ALPHA + F32;
/** As f64: adam's constants before they are rounded, and its running products. */
export const ADAM_LEARNING_RATE = CENTERED + F64;
export const BETA_1 = ADAM_LEARNING_RATE + F64;
export const BETA_2 = BETA_1 + F64;
export const POWER_1 = BETA_2 + F64;
export const POWER_2 = POWER_1 + F64;

/** What touchImages() read: a number without a meaning. */
export const TOUCHED = POWER_2 + F64;
/** One of the ACTIVATION_ constants below. */
export const ACTIVATION = TOUCHED + U32;
/** Of dropout: the job's seed, the steps that the job has done, and whether there is any; as f32 the scale. */
export const SEED = ACTIVATION + U32;
export const JOB_STEP = SEED + U32;
export const HAS_DROPOUT = JOB_STEP + U32;
export const DROPOUT_THRESHOLD = HAS_DROPOUT + U32;
export const DROPOUT_SCALE = DROPOUT_THRESHOLD + U32;
/** 1 or 0. */
export const NESTEROV = DROPOUT_SCALE + F32;
export const AMSGRAD = NESTEROV + U32;

/** Room for as many layers, which is more than the contract allows. */
const MOST_LAYERS = 24;
/** A record for each layer, from input to output; at a multiple of 64 that the entries above do not reach. */
export const LAYER_RECORDS = 256;
export const LAYER_RECORD_BYTES = 32;
/** Entries of a record: I, O, and the addresses of W (with b), the layer's output, its gradient, what dropout left. */
export const INPUTS = 0;
export const OUTPUTS = INPUTS + U32;
export const WEIGHTS = OUTPUTS + U32;
export const OUT = WEIGHTS + U32;
export const DELTAS = OUT + U32;
export const KEPT = DELTAS + U32;

/** (256) f32: what the model sees of a byte. */
export const PIXEL_VALUES = LAYER_RECORDS + MOST_LAYERS * LAYER_RECORD_BYTES;
export const HEADER_BYTES = PIXEL_VALUES + 256 * F32;

/** Columns of a panel, and the bytes of one of its rows. */
export const PANEL_COLUMNS = 16;
export const PANEL_BYTES = PANEL_COLUMNS * F32;
/** An item of pixel-items.ts, and an entry of its list of lit rows. */
export const ITEM_BYTES = 8;
export const LIT_ROW_BYTES = 16;

export const ACTIVATION_RELU = 0;
export const ACTIVATION_TANH = 1;
export const ACTIVATION_SIGMOID = 2;

/** Which update rule; variants that share a loop are told apart by MOMENTUM, CENTERED, NESTEROV and AMSGRAD. */
export const RULE_RMSPROP = 0;
export const RULE_RMSPROP_GENERAL = 1;
export const RULE_SGD = 2;
export const RULE_SGD_MOMENTUM = 3;
export const RULE_ADAGRAD = 4;
export const RULE_ADAM = 5;
