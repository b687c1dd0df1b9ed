"""Opens what bench/export-for-peers.ts wrote with Keras, safetensors and ONNX, and compares. argv: the folder."""

import json
import pathlib
import sys

import keras
import numpy as np
import onnx
import onnx.checker
import safetensors
from safetensors.numpy import load_file

print(f"keras {keras.__version__}, safetensors {safetensors.__version__}, onnx {onnx.__version__}")
failed = False


def check(what, difference, allowed):
    global failed
    good = difference <= allowed
    failed |= not good
    print(f"{'ok ' if good else 'BAD'} {what}: {difference:.1e} (at most {allowed:.0e})")


def activation_of(name):
    return (lambda x: keras.ops.gelu(x, approximate=True)) if name == "gelu_tanh" else keras.activations.get(name)


def dense(tensors, names, x, activation):
    """The layers' outputs with kernels of (inputs, outputs)."""
    for n, (kernel, bias) in enumerate(names):
        x = x @ tensors[kernel] + tensors[bias]
        x = np.asarray(activation(x)) if n < len(names) - 1 else x
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


for folder in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    expected = json.loads((folder / "expected.json").read_text())
    print(folder.name, json.dumps(expected["job"]))
    activation = activation_of(expected["job"].get("model", {}).get("activation", "relu"))
    images = np.fromfile(folder / "test-images.u8", np.uint8).reshape(-1, 784).astype(np.float32)
    probabilities = np.fromfile(folder / "probabilities.f32", np.float32).reshape(-1, 10)
    compare = lambda what, found: check(what, float(np.abs(found - probabilities).max()), 2e-6)

    model = keras.models.load_model(folder / "model.keras")
    compare("keras load_model, predict", model.predict(images, batch_size=1000, verbose=0))
    again = keras.Sequential(
        [keras.Input((784,)), keras.layers.Rescaling(1 / 255)]
        + [keras.layers.Dense(n, activation) for n in (128, 64)]
        + [keras.layers.Dense(10, "softmax")]
    )
    again.load_weights(folder / "model.weights.h5")
    compare("keras load_weights, predict", again.predict(images, batch_size=1000, verbose=0))

    batches = np.fromfile(folder / "batches.u8", np.uint8).reshape(-1, 32, 784).astype(np.float32)
    labels = np.fromfile(folder / "labels.u8", np.uint8).reshape(-1, 32)
    assert int(model.optimizer.iterations.value) == expected["steps"]
    losses = []
    # The file has neither of these: compile and fit take them.
    smoothing = expected["job"].get("training", {}).get("label_smoothing", 0)
    weights = expected["weights"] and dict(enumerate(expected["weights"]))
    if smoothing:
        loss = keras.losses.CategoricalCrossentropy(label_smoothing=smoothing)
        model.compile(optimizer=model.optimizer, loss=loss, metrics=["accuracy"])
        labels = np.eye(10, dtype=np.float32)[labels]
    for x, y in zip(batches, labels):
        model.reset_metrics()
        losses.append(float(model.train_on_batch(x, y, class_weight=weights)[0]))
    if "dropout" not in expected["job"].get("model", {}):
        check("keras goes on: fifty losses", max(abs(a - b) for a, b in zip(losses, expected["losses"])), 1e-5)

    tensors = load_file(folder / "keras.safetensors")
    names = [("dense/kernel", "dense/bias"), ("dense_1/kernel", "dense_1/bias"), ("dense_2/kernel", "dense_2/bias")]
    compare("safetensors, layout=keras", dense(tensors, names, images / 255, activation))
    tensors = load_file(folder / "torch.safetensors")
    turned = {name: value.T for name, value in tensors.items()}
    names = [("0.weight", "0.bias"), ("2.weight", "2.bias"), ("4.weight", "4.bias")]
    compare("safetensors, layout=torch", dense(turned, names, images / 255, activation))
    onnx.checker.check_model(str(folder / "model.onnx"), full_check=True)
    print("ok  onnx.checker, full")

sys.exit(failed)
