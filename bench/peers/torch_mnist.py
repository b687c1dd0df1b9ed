"""The job in PyTorch."""

import job

VARIANTS = {
    "plain": "DataLoader, eager, torch.optim.RMSprop: the introductory example",
    "eager": "tuned: tensors and index batches, RMSprop with foreach, memory kept by the allocator",
    "compile": "tuned: the same with torch.compile on model and loss and on the optimizer's step",
    "loop": "tuned: a whole epoch in one compiled graph (while_loop, C++ wrapper), RMSprop written out",
}
args = job.options(VARIANTS)
one = args.threads == "1"
if one:
    job.stay_on_one_core()
# Without inductor's cache on the disk every run compiles, and compile_seconds is the time of a first run.
environment = {"TORCHINDUCTOR_FORCE_DISABLE_CACHES": "1"}
if args.variant != "plain":
    environment |= job.KEEP_MEMORY
if one:
    environment |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
job.restart_with(environment)

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

if one:
    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)

Layers = tuple[Tensor, ...]  # weight of (outputs, inputs) and bias, layer by layer

torch.manual_seed(args.seed)
train, validation, test = job.load(args.data)
clock = job.Clock()
steps_per_epoch = len(train) // job.BATCH


def tensors(rows: job.Rows) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(rows.images), torch.from_numpy(rows.labels)


train_rows, validation_rows, test_rows = map(tensors, (train, validation, test))


def initial_layers() -> Layers:
    return tuple(
        torch.tensor(np.ascontiguousarray(array.T))
        for layer in job.glorot_uniform(args.seed)
        for array in layer
    )


def build() -> nn.Sequential:
    pixels, first, second, classes = job.LAYERS
    model = nn.Sequential(
        nn.Linear(pixels, first),
        nn.ReLU(),
        nn.Linear(first, second),
        nn.ReLU(),
        nn.Linear(second, classes),
    )
    with torch.no_grad():
        for parameter, value in zip(model.parameters(), initial_layers()):
            parameter.copy_(value)
    return model


def rmsprop(model: nn.Module, **more) -> torch.optim.RMSprop:
    """
    PyTorch adds epsilon to the root, g / (sqrt(v) + eps); Keras under it, g / sqrt(v + eps). With the root of the
    job's epsilon both have the same limits for small and for large v; with epsilon itself steps for small gradients
    would be up to 3,000 times as long, another experiment.
    """
    return torch.optim.RMSprop(
        model.parameters(), lr=job.LEARNING_RATE, alpha=job.RHO, eps=job.EPSILON**0.5, **more
    )


def shuffled() -> Tensor:
    """(steps, 32) row numbers."""
    return torch.randperm(len(train))[: steps_per_epoch * job.BATCH].view(-1, job.BATCH)


@torch.inference_mode()
def evaluate(model, rows: tuple[Tensor, Tensor]) -> tuple[float, float]:
    images, labels = rows
    logits = model(images)
    loss = F.cross_entropy(logits, labels)
    return loss.item(), (logits.argmax(1) == labels).double().mean().item()


class Plain:
    """As the introductory tutorial has it; TensorDataset, since the rows lie in memory."""

    def __init__(self) -> None:
        self.model = build()
        self.optimizer = rmsprop(self.model)
        self.loader = DataLoader(TensorDataset(*train_rows), batch_size=job.BATCH, shuffle=True)

    def epoch(self) -> float:
        total = 0.0
        for images, labels in self.loader:
            self.optimizer.zero_grad()
            loss = F.cross_entropy(self.model(images), labels)
            loss.backward()
            self.optimizer.step()
            total += loss.item()
        return total / len(self.loader)

    def validate(self, rows: tuple[Tensor, Tensor]) -> tuple[float, float]:
        return evaluate(self.model, rows)


class Tuned(Plain):
    """Batches are cut from tensors, and no step waits for its loss."""

    def __init__(self, compiled: bool) -> None:
        self.model = build()
        self.optimizer = rmsprop(self.model, foreach=True)
        self.loss_of = self.forward
        self.update = self.optimizer.step
        if compiled:
            self.loss_of = torch.compile(self.forward, fullgraph=True)
            self.update = torch.compile(self.optimizer.step, fullgraph=False)
            self.warm_up()

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(self.model(images), labels)

    def warm_up(self) -> None:
        for rows in shuffled()[:3]:
            self.step(rows)
        with torch.no_grad():
            for parameter, value in zip(self.model.parameters(), initial_layers()):
                parameter.copy_(value)
            for slots in self.optimizer.state.values():
                slots["square_avg"].zero_()

    def step(self, rows: Tensor) -> Tensor:
        images, labels = train_rows
        loss = self.loss_of(images[rows], labels[rows])
        loss.backward()
        self.update()
        self.optimizer.zero_grad()
        return loss.detach()

    def epoch(self) -> float:
        total = torch.zeros(())
        for rows in shuffled().unbind():
            total += self.step(rows)
        return total.item() / steps_per_epoch


class Loop:
    """The nearest that PyTorch has to JAX's scan: the loop over the steps is inside the compiled graph."""

    def __init__(self) -> None:
        self.layers = initial_layers()
        self.squares = tuple(map(torch.zeros_like, self.layers))
        self.compiled = torch.compile(self.steps, fullgraph=True, options={"cpp_wrapper": True})
        with torch.no_grad():
            self.compiled(self.layers, self.squares, *train_rows, shuffled())

    @staticmethod
    def logits(layers: Layers, images: Tensor) -> Tensor:
        w1, b1, w2, b2, w3, b3 = layers
        hidden = F.relu(F.linear(images, w1, b1))
        return F.linear(F.relu(F.linear(hidden, w2, b2)), w3, b3)

    @staticmethod
    def steps(layers: Layers, squares: Layers, images: Tensor, labels: Tensor, order: Tensor):
        """order: (steps, 32) row numbers. Returns layers, squares and the sum of the losses."""

        def cross_entropy(layers: Layers, images: Tensor, labels: Tensor) -> Tensor:
            return F.cross_entropy(Loop.logits(layers, images), labels)

        gradients_and_loss = torch.func.grad_and_value(cross_entropy)

        def more(step: Tensor, total: Tensor, layers: Layers, squares: Layers):
            return step < order.shape[0]

        def body(step: Tensor, total: Tensor, layers: Layers, squares: Layers):
            rows = order.index_select(0, step.view(1)).view(-1)
            gradients, loss = gradients_and_loss(layers, images[rows], labels[rows])
            squares = tuple(
                job.RHO * v + (1 - job.RHO) * (g * g) for v, g in zip(squares, gradients)
            )
            layers = tuple(
                w - job.LEARNING_RATE * g / (v + job.EPSILON).sqrt()
                for w, g, v in zip(layers, gradients, squares)
            )
            return step + 1, total + loss, layers, squares

        start = (torch.tensor(0), torch.tensor(0.0), layers, squares)
        _, total, layers, squares = torch.while_loop(more, body, start)
        return layers, squares, total

    @torch.no_grad()
    def epoch(self) -> float:
        self.layers, self.squares, total = self.compiled(
            self.layers, self.squares, *train_rows, shuffled()
        )
        return total.item() / steps_per_epoch

    def validate(self, rows: tuple[Tensor, Tensor]) -> tuple[float, float]:
        return evaluate(lambda images: self.logits(self.layers, images), rows)


MAKE = {
    "plain": Plain,
    "eager": lambda: Tuned(compiled=False),
    "compile": lambda: Tuned(compiled=True),
    "loop": Loop,
}
with clock("compile"):
    trainer = MAKE[args.variant]()

for _ in range(args.epochs):
    with clock("train"):
        trainer.epoch()
    with clock("validate"):
        validated = trainer.validate(validation_rows)
with clock("evaluate"):
    tested = trainer.validate(test_rows)

job.report(
    args,
    "torch",
    torch.__version__,
    clock,
    args.epochs * steps_per_epoch,
    validated,
    tested,
)
