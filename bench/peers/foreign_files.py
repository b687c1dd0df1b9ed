"""
Uploads files that other programs wrote to a Descent of its own. Those that are taken must have the rows that Python
has; those that are refused must say why. Prints a line for each, and fails if one is BAD.
"""

import json
import sys

import numpy as np
import pandas as pd
import PIL
import pyarrow as pa

import descent

# The modules add their cases as they are imported.
import foreign_arrays
import foreign_tables
import foreign_pictures
from foreign_cases import MISSING, Case, cases


def equal(found, wanted, largest: float) -> bool:
    """Numbers that were scaled are shown as exactly as the largest of their column allows."""
    if isinstance(wanted, float) and isinstance(found, (int, float)):
        return abs(found - wanted) <= 1e-5 * largest
    return found == wanted


def compared(api: descent.Descent, answer: dict, wanted: list[tuple]) -> str:
    """What differs; empty if nothing does."""
    found = [(*row["values"], row["target"]) for split in ("train", "test") for row in api.rows("foreign", split)]
    means = [column.get("mean") for column in answer["columns"]] + [None] if answer["columns"] else []
    wanted = [tuple(means[c] if value is MISSING else value for c, value in enumerate(row)) for row in wanted]
    if len(found) != len(wanted):
        return f"{len(found)} rows, not {len(wanted)}"
    largest = [max((abs(v) for v in column if isinstance(v, float)), default=0.0) for column in zip(*wanted)]
    # Rounded differently at their ends, equal rows stay neighbours.
    key = lambda row: [f"{value + 0.0:.4g}" if isinstance(value, (int, float)) else str(value) for value in row]
    for got, want in zip(sorted(found, key=key), sorted(wanted, key=key)):
        if len(got) != len(want) or not all(map(equal, got, want, largest)):
            return f"{got[:8]} ... {got[-1]}, not {want[:8]} ... {want[-1]}"
    return ""


def outcome(api: descent.Descent, each: Case) -> str:
    """Empty if all is as it should be."""
    query = {"format": each.format, **each.options}
    if each.rows is None:
        status, body = api.call("PUT", "/datasets/foreign", each.content, **query, dry_run="true")
        if status != 422:
            return f"{status}, not refused: {body.decode()[:400]}"
        return "" if each.says in body.decode() else f"does not say {each.says!r}: {body.decode()[:600]}"
    status, body = api.call("PUT", "/datasets/foreign", each.content, **query)
    if status != 201:
        return f"{status} {body.decode()[:600]}"
    answer = json.loads(body)
    try:
        if each.says and each.says not in " ".join(answer["notes"]):
            return f"does not say {each.says!r}: {answer['notes']}"
        return compared(api, answer, each.rows)
    finally:
        api.need("DELETE", "/datasets/foreign")


failed = 0
print(f"numpy {np.__version__}, pandas {pd.__version__}, pyarrow {pa.__version__}, pillow {PIL.__version__}")
with descent.running() as api:
    for each in cases:
        wrong = outcome(api, each)
        failed += wrong != ""
        print(f"{'BAD' if wrong else 'ok '} {each.name}{': ' + wrong if wrong else ''}", flush=True)
print(f"{len(cases)} files, {failed} BAD")
sys.exit(failed > 0)
