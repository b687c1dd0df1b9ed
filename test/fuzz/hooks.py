"""The kinds of case in which Schemathesis would expect the wrong thing."""

import hashlib
import json
import re

import schemathesis
from schemathesis.transport.serialization import Binary

HASH_LENGTH = 32
PIXELS = 784
LONGEST_URL = 2_000


@schemathesis.hook
def filter_case(context, case):
    # A server must ignore headers that it does not know (RFC 9110, 5.1). Schemathesis sends one as invalid input.
    if any(name.lower() == "x-schemathesis-unknown-property" for name in case.headers or {}):
        return False
    # Rules of a spec that no JSON Schema can tell; the document has them in words, and test/api/validation.test.ts tests
    # each. They are refused with 422, which Schemathesis expects only of what the schema forbids.
    return not (isinstance(case.body, dict) and (loses_meaning(case.body) or exceeds_rows_or_engine(case.body)))


def loses_meaning(value):
    """Numbers that vanish, or become 1, as 32-bit floats or shares."""
    if isinstance(value, dict):
        return any(loses_meaning(child) for child in value.values())
    if isinstance(value, float):
        return 0 < abs(value) < 1e-9 or 1 - 1e-7 < value < 1
    return False


def exceeds_rows_or_engine(spec):
    """Limits that involve several fields: rows left for a batch, parameters of a model, steps and rates of a schedule,
    one way of clipping, options of tensorflow."""
    part = lambda name: spec[name] if isinstance(spec.get(name), dict) else {}
    units = part("model").get("hidden_units", [])
    large = isinstance(units, list) and sum(unit for unit in units if isinstance(unit, (int, float))) > 8_000
    batch, split = part("training").get("batch_size", 0), part("training").get("validation_split", 0.2)
    numbers = isinstance(batch, (int, float)) and isinstance(split, (int, float))
    few = numbers and batch > 6_000 * (1 - split) - 1
    clipped = sum(part("optimizer").get(how) is not None for how in ("clipnorm", "global_clipnorm", "clipvalue"))
    rate = part("optimizer").get("learning_rate")
    steps, rates = (rate.get(name) for name in ("boundaries", "values")) if isinstance(rate, dict) else ([], [0])
    uneven = isinstance(steps, list) and isinstance(rates, list) and len(rates) != len(steps) + 1
    return large or few or uneven or clipped > 1 or spec.get("engine") == "tensorflow"


BUILT_IN = ("mnist", "mnist_sample", "fashion_mnist", "moons", "circles", "spirals", "xor", "blobs", "sine")
REGRESSION = ("mse", "mae", "huber")


@schemathesis.hook
def before_call(context, case, kwargs):
    separate_keys(case)
    if isinstance(case.body, dict):
        fit_data(case.body)
        divert_webhooks(case.body)
    # A part of a JSON text is not JSON.
    if case.path.endswith("/model.json") or (case.query or {}).get("format") == "json":
        for name in [name for name in case.headers or {} if name.lower() == "range"]:
            del case.headers[name]
    # How long a row must be depends on the job's model; every job here is about images of 784 pixels.
    if case.path.endswith("/predict"):
        if isinstance(case.body, dict) and isinstance(case.body.get("inputs"), list):
            rows = case.body["inputs"]
            # More than a thousand are too many. So many of full length would be too large, which is another fault.
            if len(rows) <= 1_000:
                case.body["inputs"] = [fit(row) if isinstance(row, list) else row for row in rows[:100]]
        content = case.body.data if isinstance(case.body, Binary) else case.body
        if isinstance(content, bytes) and case.media_type == "application/octet-stream" and len(content) > 0:
            case.body = Binary(content[:PIXELS].ljust(PIXELS, b"\0"))


def fit_data(spec):
    # Which datasets there are depends on what was uploaded, and which losses on the dataset.
    dataset, loss = spec.get("dataset"), spec.get("loss")
    if isinstance(dataset, str) and dataset not in BUILT_IN and re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", dataset):
        spec["dataset"] = "mnist_sample"
    if dataset == "sine" and loss == "categorical_crossentropy":
        spec["loss"] = "mse"
    elif dataset != "sine" and isinstance(loss, str) and loss in REGRESSION:
        spec["loss"] = "categorical_crossentropy"


def divert_webhooks(body):
    # What a URL may be, no schema can tell. Nothing must be sent to anybody, so each leads to a name that DNS never has.
    webhooks = body.get("webhooks")
    for webhook in webhooks if isinstance(webhooks, list) else []:
        if isinstance(webhook, dict) and isinstance(webhook.get("url"), str) and len(webhook["url"]) <= LONGEST_URL:
            webhook["url"] = "https://receiver.invalid/"


def fit(row):
    return (row + [0] * PIXELS)[:PIXELS]


def separate_keys(case):
    # The same valid key with another body, or for another job, is refused for its history (422), which no schema can tell.
    # So each request gets keys of its own; the same key with the same request stays a repeat.
    key = (case.headers or {}).get("Idempotency-Key")
    if not isinstance(key, str) or not re.fullmatch(r'[!#-~][!-~]{0,254}|"([!#-\x5b\x5d-~]|\\["\\]){1,255}"', key):
        return
    request = [case.path, case.path_parameters, case.body]
    own = hashlib.sha256(json.dumps(request, sort_keys=True, default=str).encode()).hexdigest()[:HASH_LENGTH]
    if key.startswith('"'):
        case.headers["Idempotency-Key"] = f'{key[:-1]}{own}"' if len(key) < 200 else f'"{own * 7}"'
    else:
        case.headers["Idempotency-Key"] = key[: 255 - HASH_LENGTH] + own
