"""
Opens the Keras files of jobs on tables, which take the columns in their own units, and compares with what Descent
predicts for the same rows. Of a Descent of its own.
"""

import os
import pathlib
import sys
import tempfile

os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}

import keras
import numpy as np

import descent
import tables

CASES = [
    ("iris", {}),
    ("iris", {"scale": "minmax"}),
    ("penguins", {}),
    ("penguins", {"drop": "Sex,Island"}),
    ("iris", {"scale": "none"}),
    ("iris", {"target": "a"}),
    ("iris", {"target": "a", "scale": "minmax"}),
    ("moons", {}),
    ("sine", {}),
]

ALLOWED = 1e-5
"""Of a probability; of a number, times the largest."""

failed = False
with descent.running() as api, tempfile.TemporaryDirectory() as folder:
    for k, (name, options) in enumerate(CASES):
        dataset = f"table-{k}" if name in tables.UPLOADS else name
        tables.upload(api, name, dataset, **options)
        detail = api.json("GET", f"/datasets/{dataset}")
        job = api.train({"dataset": dataset, "training": {"epochs": 3}})["id"]
        rows = [row["values"] for row in api.rows(dataset, "test")]
        told = api.json("POST", f"/jobs/{job}/predict", {"inputs": rows})
        for preprocessing in ("raw", "scaled"):
            path = pathlib.Path(folder, f"{k}-{preprocessing}.keras")
            path.write_bytes(api.need("GET", f"/jobs/{job}/model", format="keras", preprocessing=preprocessing))
            model = keras.models.load_model(path)
            x = tables.inputs(rows, detail, scaled=preprocessing == "scaled")
            found = model.predict(x, batch_size=1000, verbose=0)
            if detail["task"] == "classification":
                wanted, largest = np.array([row["probabilities"] for row in told["data"]]), 1
            else:
                wanted = np.array([[row["value"]] for row in told["data"]])
                largest = np.abs(wanted).max()
                if preprocessing == "scaled":
                    found = found * detail["target"]["deviation"] + detail["target"]["mean"]
            difference = float(np.abs(found - wanted).max() / largest)
            good = difference <= ALLOWED
            failed |= not good
            print(f"{'ok ' if good else 'BAD'} {name} {options or ''}, {preprocessing}: {difference:.1e} (at most {ALLOWED:.0e})")
sys.exit(failed)
