/**
 * The first bytes of a kernel's memory: what the host (kernel-engine.ts) tells it, and where each number lies. Read by
 * tsc and asc, and by the build for the C compiler, so that no two sides can disagree; hence nothing here but integers.
 *
 * Addresses count bytes from the start of the memory. Unless something else is said, an entry is a u32.
 */

/** One of the RULE_ constants below. */
export const RULE = 0;
/** Dense layers, the last one included: 1 to 9; their records begin at LAYER_RECORDS. */
export const LAYERS = 4;
/** Rows of a full batch, and how many rows an epoch visits. */
export const BATCH_SIZE = 8;
export const EPOCH_ROWS = 12;
/** Bytes between the panels of a batch: its rows, an even number of them, times PANEL_BYTES. */
export const BATCH_PANEL_BYTES = 16;
/** Bytes from a weight to its value in the first slot, from there to the second, ... */
export const SLOT_DISTANCE = 20;
/** Weights and slots are one block: where it begins and ends. */
export const PARAMETERS = 24;
export const PARAMETERS_END = 28;
/** (steps of an epoch + 1) f32: rmsprop's powers of rho; 0 for rules that have none. */
export const DECAYS = 32;
/** (I of the first layer): the step of each row's last update. */
export const UPDATED_AT = 36;
/** 1 where rows of the first layer without a lit pixel are left alone, else 0. */
export const SKIPS_UNTOUCHED_ROWS = 40;
/** (epoch rows): the epoch's row numbers. */
export const ORDER = 44;
/** (R + 1): where each image's lit pixels begin and the last one's end, as packImages() leaves them; and (R) bytes. */
export const IMAGE_STARTS = 48;
export const LABELS = 52;
/** The lists of pixel-items.ts. */
export const ITEMS = 56;
export const ROW_ENDS = 60;
export const SORTED_ITEMS = 64;
export const CURSORS = 68;
export const LIT_ROWS = 72;
/** What touchImages() read: a number without a meaning. */
export const TOUCHED = 184;
/** Room for one layer's weights, transposed. */
export const TRANSPOSED = 76;
/** (B) f32 and (B): what the loss layer found in the latest batch. */
export const LOSSES = 80;
export const PREDICTED = 84;
/** Of the running epoch: steps done, right answers, and as f64 the sum of the losses. */
export const EPOCH_STEP = 88;
export const CORRECT = 92;
export const LOSS_SUM = 96;

/** Hyper-parameters, and constants made of them, as f32. */
export const LEARNING_RATE = 104;
export const RHO = 108;
export const ONE_MINUS_RHO = 112;
export const MOMENTUM = 116;
export const EPSILON = 120;
export const ONE_MINUS_BETA_1 = 124;
export const ONE_MINUS_BETA_2 = 128;
export const ALPHA = 132;
/** 1 or 0. */
export const CENTERED = 136;
/** As f64: adam's constants before they are rounded, and its running products. */
export const ADAM_LEARNING_RATE = 144;
export const BETA_1 = 152;
export const BETA_2 = 160;
export const POWER_1 = 168;
export const POWER_2 = 176;

/** One of the ACTIVATION_ constants below. */
export const ACTIVATION = 188;
/** Of dropout: the job's seed, the steps that the job has done, and whether there is any; as f32 the scale. */
export const SEED = 192;
export const JOB_STEP = 196;
export const HAS_DROPOUT = 200;
export const DROPOUT_THRESHOLD = 204;
export const DROPOUT_SCALE = 208;
/** 1 or 0. */
export const NESTEROV = 212;
export const AMSGRAD = 216;

/** A record for each layer, from input to output. */
export const LAYER_RECORDS = 256;
export const LAYER_RECORD_BYTES = 32;
/** Entries of a record: I, O, and the addresses of W (with b), the layer's output, its gradient, what dropout left. */
export const INPUTS = 0;
export const OUTPUTS = 4;
export const WEIGHTS = 8;
export const OUT = 12;
export const DELTAS = 16;
export const KEPT = 20;

/** (256) f32: what the model sees of a byte. */
export const PIXEL_VALUES = 1024;
export const HEADER_BYTES = 2048;

/** Columns of a panel, and the bytes of one of its rows. */
export const PANEL_COLUMNS = 16;
export const PANEL_BYTES = 64;
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
