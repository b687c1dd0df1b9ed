"""Compares the update rules and schedules that bench/export-updates-for-peers.ts wrote with Keras's. argv: the folder."""

import json
import pathlib
import sys

import keras
import numpy as np

print(f"keras {keras.__version__}, {keras.backend.backend()}")
data = json.loads((pathlib.Path(sys.argv[1]) / "updates.json").read_text())
sizes = [int(np.prod(shape)) for shape in data["shapes"]]
ends = np.cumsum(sizes)
failed = False


def check(what, difference, allowed=1e-6):
    global failed
    good = difference <= allowed
    failed |= not good
    print(f"{'ok ' if good else 'BAD'} {difference:.1e} {what}")


def parts(flat):
    """The tensors of the model, from one row of all parameters."""
    flat = np.asarray(flat, np.float32)
    return [flat[end - size : end].reshape(shape) for end, size, shape in zip(ends, sizes, data["shapes"])]


def apart(update, dtype):
    """The largest difference from Keras, which computes in dtype."""
    keras.config.set_floatx(dtype)
    optimizer = keras.optimizers.deserialize(json.loads(update["keras"]))
    for name in ("beta_1", "beta_2"):
        # Otherwise Keras makes a tensor of float32 of them first.
        if dtype == "float64" and hasattr(optimizer, name):
            setattr(optimizer, name, np.float64(getattr(optimizer, name)))
    variables = [keras.Variable(part, dtype=dtype) for part in parts(data["start"])]
    worst = 0.0
    for gradient, after in zip(steps, update["after"]):
        optimizer.apply([keras.ops.convert_to_tensor(g, dtype=dtype) for g in parts(gradient)], variables)
        found = np.concatenate([keras.ops.convert_to_numpy(v).ravel() for v in variables])
        expected = np.asarray(after)
        # Relative to the weight, or to 1 / 100 of the largest one where it passes through 0.
        scale = np.maximum(np.abs(expected), np.abs(expected).max() / 100)
        worst = max(worst, float((np.abs(found - expected) / scale).max()))
    return worst


steps = np.asarray(data["gradients"], np.float32).reshape(-1, ends[-1])
for update in data["updates"]:
    single = apart(update, "float32")
    # In float32, Keras loses digits where it subtracts a power of beta_2 from 1: 1 - 0.999 is off by 1e-5. Descent does
    # that in float64, so it is compared with what Keras computes in float64.
    if single > 1e-6:
        check(f"{json.dumps(update['given'])}, Keras in float64; {single:.1e} from Keras in float32", apart(update, "float64"))
    else:
        check(json.dumps(update["given"]), single)
keras.config.set_floatx("float32")

for schedule in data["schedules"]:
    rate = keras.optimizers.schedules.deserialize(json.loads(schedule["keras"])["config"]["learning_rate"])
    found = np.array([float(rate(step)) for step in range(len(schedule["rates"]))])
    expected = np.asarray(schedule["rates"])
    apart = np.abs(found - expected) / expected.max()
    wrong = np.flatnonzero(apart > 1e-6)
    check(json.dumps(schedule["given"]) + (f" at steps {wrong[:10].tolist()}" if len(wrong) else ""), float(apart.max()))

sys.exit(failed)
