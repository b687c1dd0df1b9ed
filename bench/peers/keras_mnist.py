"""The job in Keras on TensorFlow."""

import job

VARIANTS = {
    "fit": "compile() and fit() with every default, as the published example has it",
    "fit-fast": "tuned: fit() with steps_per_execution, XLA, larger batches where nothing is learnt",
    "loop": "tuned: a tf.function of a whole epoch, compiled by XLA, data in tensors, Keras's RMSprop",
}
args = job.options(VARIANTS)
one = args.threads == "1"
if one:
    job.stay_on_one_core()
environment = {"TF_CPP_MIN_LOG_LEVEL": "2", "KERAS_BACKEND": "tensorflow"}
if args.variant != "fit":
    environment |= job.KEEP_MEMORY
if one:
    environment |= {
        "OMP_NUM_THREADS": "1",
        "TF_NUM_INTRAOP_THREADS": "1",
        "TF_NUM_INTEROP_THREADS": "1",
        "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
    }
job.restart_with(environment)

import keras
import numpy as np
import tensorflow as tf

STEPS_PER_EXECUTION = 50

# No keras.utils.set_random_seed: with it fit() repeats one batch order in every epoch, another experiment.
train, validation, test = job.load(args.data)
clock = job.Clock()
steps_per_epoch = len(train) // job.BATCH


def build(last_activation: str | None) -> keras.Model:
    *hidden, classes = job.LAYERS[1:]
    model = keras.Sequential(
        [
            keras.Input((job.LAYERS[0],)),
            *[keras.layers.Dense(units, activation="relu") for units in hidden],
            keras.layers.Dense(classes, activation=last_activation),
        ]
    )
    return model


def reset(model: keras.Model, optimizer: keras.Optimizer) -> None:
    """The start of the job again, in a model whose functions are traced and compiled."""
    model.set_weights([w for layer in job.glorot_uniform(args.seed) for w in layer])
    for slot in optimizer.variables:
        if slot is not optimizer.learning_rate:
            slot.assign(keras.ops.zeros_like(slot))


def rmsprop() -> keras.Optimizer:
    return keras.optimizers.RMSprop(job.LEARNING_RATE, rho=job.RHO, epsilon=job.EPSILON)


class ValidationTime(keras.callbacks.Callback):
    """Seconds of the last epoch's validation."""

    def on_test_begin(self, logs=None):
        self.clock = job.Clock()
        self.phase = self.clock("validate")
        self.phase.__enter__()

    def on_test_end(self, logs=None):
        self.phase.__exit__(None, None, None)
        clock.add("validate", self.clock.seconds["validate"])
        clock.add("train", -self.clock.seconds["validate"])


def fit(fast: bool) -> tuple[tuple[float, float], tuple[float, float]]:
    one_hot = [keras.utils.to_categorical(rows.labels) for rows in (train, validation, test)]
    images = np.concatenate([train.images, validation.images])
    labels = np.concatenate(one_hot[:2])
    measured = {"validation_batch_size": 1000} if fast else {}

    with clock("compile"):
        model = build("softmax")
        model.compile(
            optimizer=rmsprop(),
            loss="categorical_crossentropy",
            metrics=["accuracy"],
            **({"steps_per_execution": STEPS_PER_EXECUTION, "jit_compile": True} if fast else {}),
        )
        # Every shape of batch that the job has: full ones, and the rest of the test rows.
        some = STEPS_PER_EXECUTION * job.BATCH
        warm_up = np.s_[: some if fast else 3 * job.BATCH]
        model.fit(
            images[warm_up],
            labels[warm_up],
            validation_data=(validation.images[:3000], one_hot[1][:3000]),
            verbose=0,
            **measured,
        )
        evaluation = {"batch_size": 1000} if fast else {}
        rest = len(test) % job.BATCH
        model.evaluate(
            test.images[: 2000 + rest], one_hot[2][: 2000 + rest], verbose=0, **evaluation
        )
        reset(model, model.optimizer)

    with clock("train"):
        history = model.fit(
            images,
            labels,
            batch_size=job.BATCH,
            epochs=args.epochs,
            validation_split=job.VALIDATION_SPLIT,
            callbacks=[ValidationTime()],
            verbose=0,
            **measured,
        ).history
    with clock("evaluate"):
        test_loss, test_accuracy = model.evaluate(test.images, one_hot[2], verbose=0, **evaluation)
    return (history["val_loss"][-1], history["val_accuracy"][-1]), (test_loss, test_accuracy)


def loop() -> tuple[tuple[float, float], tuple[float, float]]:
    def constants(rows: job.Rows) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.constant(rows.images), tf.constant(rows.labels, tf.int32)

    with clock("compile"):
        model, optimizer = build(None), rmsprop()
        optimizer.build(model.trainable_variables)
        train_rows, validation_rows, test_rows = map(constants, (train, validation, test))

        def cross_entropy(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
            return tf.reduce_mean(losses)

        def hits(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
            return tf.reduce_sum(tf.cast(tf.argmax(logits, 1, tf.int32) == labels, tf.int32))

        @tf.function(jit_compile=True)
        def epoch(images: tf.Tensor, labels: tf.Tensor, order: tf.Tensor):
            """order: (steps, 32) row numbers. Returns mean loss and accuracy."""
            loss_sum, hit = 0.0, 0
            for step in tf.range(steps_per_epoch):
                rows = order[step]
                x, y = tf.gather(images, rows), tf.gather(labels, rows)
                with tf.GradientTape() as tape:
                    logits = model(x, training=True)
                    loss = cross_entropy(y, logits)
                weights = model.trainable_variables
                optimizer.apply(tape.gradient(loss, weights), weights)
                loss_sum += loss
                hit += hits(y, logits)
            return loss_sum / steps_per_epoch, hit / (steps_per_epoch * job.BATCH)

        @tf.function(jit_compile=True)
        def evaluate(images: tf.Tensor, labels: tf.Tensor):
            logits = model(images, training=False)
            return cross_entropy(labels, logits), hits(labels, logits) / len(labels)

        random = np.random.default_rng(args.seed)

        def shuffled() -> tf.Tensor:
            order = random.permutation(len(train))[: steps_per_epoch * job.BATCH]
            return tf.constant(order.reshape(-1, job.BATCH), tf.int32)

        epoch(*train_rows, shuffled())
        evaluate(*validation_rows)
        evaluate(*test_rows)
        reset(model, optimizer)

    for _ in range(args.epochs):
        with clock("train"):
            float(epoch(*train_rows, shuffled())[0])
        with clock("validate"):
            validated = tuple(map(float, evaluate(*validation_rows)))
    with clock("evaluate"):
        tested = tuple(map(float, evaluate(*test_rows)))
    return validated, tested


validated, tested = loop() if args.variant == "loop" else fit(fast=args.variant == "fit-fast")
job.report(
    args,
    "keras",
    f"{keras.__version__} on TensorFlow {tf.__version__}",
    clock,
    args.epochs * steps_per_epoch,
    validated,
    tested,
)
