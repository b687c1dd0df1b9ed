"""
Trains the same jobs with a Descent of its own and with Keras, on the same rows, and prints the result of both: test
accuracy or r2, from the least to the most of several seeds. Fails where the ranges are further apart than a tolerance.
"""

import argparse
import os
import sys

os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}

import keras
import numpy as np

import descent
import tables

# Of each set: hidden units, learning rate of adam, epochs, batch size.
JOBS = {
    "moons": ([16, 16], 0.01, 20, 32),
    "circles": ([16, 16], 0.01, 20, 32),
    "spirals": ([32, 32], 0.01, 60, 32),
    "xor": ([16, 16], 0.01, 20, 32),
    "blobs": ([16], 0.01, 10, 32),
    "sine": ([64, 32], 0.003, 60, 64),
    "iris": ([16], 0.01, 60, 16),
    "penguins": ([16], 0.01, 40, 16),
    "fashion_mnist": ([128, 64], 0.001, 10, 32),
}

# Between the means of both, beyond the spread of the seeds: rows that change sides by chance in small test sets.
TOLERANCE = {"iris": 0.07, "penguins": 0.03}
OTHERS = 0.015

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--only", default=",".join(JOBS), help=f"some of {','.join(JOBS)}")
parser.add_argument("--seeds", type=int, default=5, help="seeds of each set (5)")
parser.add_argument("--large-seeds", type=int, default=2, help="of fashion_mnist (2)")
args = parser.parse_args()


def arrays(api: descent.Descent, name: str, detail: dict) -> list[tuple[np.ndarray, np.ndarray]]:
    """(inputs, targets) of train and test, as a model of Descent sees them: scaled, one-hot, in the stored order."""
    halves = []
    for split in ("train", "test"):
        rows = api.rows(name, split)
        x = tables.inputs([row["values"] for row in rows], detail, scaled=True)
        if detail["task"] == "classification":
            index = {label: k for k, label in enumerate(detail["classes"])}
            y = np.array([index[row["target"]] for row in rows])
        else:
            target = detail["target"]
            y = (np.array([row["target"] for row in rows]) - target["mean"]) / target["deviation"]
        halves.append((x, y))
    return halves


def with_keras(name: str, seed: int, halves, outputs: int, task: str) -> float:
    hidden, rate, epochs, batch = JOBS[name]
    (x, y), (x_test, y_test) = halves
    keras.utils.set_random_seed(seed)
    is_class = task == "classification"
    layers = [keras.layers.Dense(units, "relu") for units in hidden]
    model = keras.Sequential(
        [keras.Input((x.shape[1],)), *layers, keras.layers.Dense(outputs, "softmax" if is_class else None)]
    )
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy" if is_class else "mse")
    # Both hold out the last fifth; what comes of it changes nothing.
    trained = int(len(x) * 0.8)
    model.fit(x[:trained], y[:trained], batch, epochs, verbose=0)
    told = model.predict(x_test, batch_size=1000, verbose=0)
    if is_class:
        return float((told.argmax(axis=1) == y_test).mean())
    return float(1 - ((told[:, 0] - y_test) ** 2).sum() / ((y_test - y_test.mean()) ** 2).sum())


def with_descent(api: descent.Descent, name: str, seed: int, task: str) -> float:
    hidden, rate, epochs, batch = JOBS[name]
    job = api.train(
        {
            "dataset": name,
            "model": {"hidden_units": hidden},
            "optimizer": {"type": "adam", "learning_rate": rate},
            "training": {"epochs": epochs, "batch_size": batch, "seed": seed},
        }
    )
    if task == "classification":
        return job["result"]["test"]["accuracy"]
    return api.json("GET", f"/jobs/{job['id']}/evaluation")["r2"]


failed = False
print(f"keras {keras.__version__}, adam, the same epochs, batches of the same size")
print("| data set | seeds | measure | Descent | Keras | |\n|---|---|---|---|---|---|")
with descent.running() as api:
    for name in args.only.split(","):
        tables.upload(api, name)
        detail = api.json("GET", f"/datasets/{name}")
        task = detail["task"]
        outputs = len(detail["classes"] or [0])
        halves = arrays(api, name, detail)
        seeds = range(args.large_seeds if name == "fashion_mnist" else args.seeds)
        ours = [with_descent(api, name, seed, task) for seed in seeds]
        theirs = [with_keras(name, seed, halves, outputs, task) for seed in seeds]
        apart = abs(np.mean(ours) - np.mean(theirs))
        spread = max(np.ptp(ours), np.ptp(theirs))
        good = apart <= TOLERANCE.get(name, OTHERS) + spread / 2
        failed |= not good
        measure = "test accuracy" if task == "classification" else "r2"
        ranges = [f"{np.mean(of):.4f} ({min(of):.4f} to {max(of):.4f})" for of in (ours, theirs)]
        print(f"| {name} | {len(seeds)} | {measure} | {' | '.join(ranges)} | {'ok' if good else 'BAD'} |", flush=True)
sys.exit(failed)
