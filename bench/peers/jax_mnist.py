"""The job in JAX."""

from functools import partial

import job

VARIANTS = {
    "plain": "optax.rmsprop, one jitted step, batches sliced in NumPy: the introductory example",
    "optax": "tuned: a whole epoch in one lax.scan, state donated, data on the device, optax.rmsprop",
    "scan": "tuned: the same with RMSprop written out",
}
args = job.options(VARIANTS)
one = args.threads == "1"
if one:
    job.stay_on_one_core()
job.restart_with(
    {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false", "OMP_NUM_THREADS": "1"} if one else {}
)

import jax
import jax.numpy as jnp
import numpy as np
import optax

Layers = list[tuple[jax.Array, jax.Array]]

train, validation, test = job.load(args.data)
random = np.random.default_rng(args.seed)
clock = job.Clock()
plain = args.variant == "plain"


def logits(layers: Layers, images: jax.Array) -> jax.Array:
    """images: (rows, 784) -> (rows, 10)"""
    for kernel, bias in layers[:-1]:
        images = jax.nn.relu(images @ kernel + bias)
    kernel, bias = layers[-1]
    return images @ kernel + bias


def loss_and_logits(layers: Layers, images: jax.Array, labels: jax.Array):
    out = logits(layers, images)
    return optax.softmax_cross_entropy_with_integer_labels(out, labels).mean(), out


if args.variant == "scan":

    def init(layers: Layers):
        return jax.tree.map(jnp.zeros_like, layers)

    def update(layers: Layers, squares, gradients):
        squares = jax.tree.map(
            lambda v, g: job.RHO * v + (1 - job.RHO) * (g * g), squares, gradients
        )
        layers = jax.tree.map(
            lambda w, g, v: w - job.LEARNING_RATE * g * jax.lax.rsqrt(v + job.EPSILON),
            layers,
            gradients,
            squares,
        )
        return layers, squares

else:
    optimizer = optax.rmsprop(job.LEARNING_RATE, decay=job.RHO, eps=job.EPSILON)
    init = optimizer.init

    def update(layers: Layers, state, gradients):
        updates, state = optimizer.update(gradients, state, layers)
        return optax.apply_updates(layers, updates), state


def step(layers: Layers, state, images: jax.Array, labels: jax.Array):
    """Returns the new layers and state, and the batch's mean loss and its number of hits."""
    (loss, out), gradients = jax.value_and_grad(loss_and_logits, has_aux=True)(
        layers, images, labels
    )
    layers, state = update(layers, state, gradients)
    return layers, state, loss, (out.argmax(1) == labels).sum()


@partial(jax.jit, donate_argnums=(0, 1))
def epoch(layers: Layers, state, images: jax.Array, labels: jax.Array, order: jax.Array):
    """order: (steps, 32) row numbers. A batch is gathered in its step, while it is small enough for the cache."""

    def body(carry, rows):
        *carry, loss, hits = step(*carry, images[rows], labels[rows])
        return carry, (loss, hits)

    (layers, state), (losses, hits) = jax.lax.scan(body, [layers, state], order)
    return layers, state, losses.mean(), hits.sum() / order.size


@jax.jit
def evaluate(layers: Layers, images: jax.Array, labels: jax.Array):
    loss, out = loss_and_logits(layers, images, labels)
    return loss, (out.argmax(1) == labels).mean()


def on_device(rows: job.Rows) -> tuple[jax.Array, jax.Array]:
    return jnp.asarray(rows.images), jnp.asarray(rows.labels, jnp.int32)


def shuffled() -> np.ndarray:
    """jax.random.permutation sorts twice: 6 ms for these rows, NumPy's takes 0.5."""
    order = random.permutation(len(train)).astype(np.int32)
    return order[: len(train) // job.BATCH * job.BATCH].reshape(-1, job.BATCH)


with clock("compile"):
    layers: Layers = jax.tree.map(jnp.asarray, job.glorot_uniform(args.seed))
    state = init(layers)
    validation_rows, test_rows = on_device(validation), on_device(test)
    if plain:
        step = jax.jit(step)
        labels = train.labels.astype(np.int32)
        batch = train.images[: job.BATCH], labels[: job.BATCH]
        jax.block_until_ready(step(layers, state, *batch))
    else:
        train_rows = on_device(train)
        epoch = epoch.lower(layers, state, *train_rows, shuffled()).compile()
    jax.block_until_ready([evaluate(layers, *validation_rows), evaluate(layers, *test_rows)])

for _ in range(args.epochs):
    with clock("train"):
        order = shuffled()
        if plain:
            losses, hits = [], []
            for rows in order:
                layers, state, loss, hit = step(layers, state, train.images[rows], labels[rows])
                losses.append(loss)
                hits.append(hit)
            loss, accuracy = np.mean(losses), np.sum(hits) / order.size
        else:
            layers, state, loss, accuracy = epoch(layers, state, *train_rows, order)
            loss = float(loss)
    with clock("validate"):
        val_loss, val_accuracy = map(float, evaluate(layers, *validation_rows))

with clock("evaluate"):
    test_loss, test_accuracy = map(float, evaluate(layers, *test_rows))

job.report(
    args,
    "jax",
    jax.__version__,
    clock,
    args.epochs * len(order),
    (val_loss, val_accuracy),
    (test_loss, test_accuracy),
)
