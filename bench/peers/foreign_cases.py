"""What foreign_files.py uploads, from modules that add their cases here."""

import io
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

rng = np.random.default_rng(3)

MISSING = object()
"""A number that is missing: Descent shows the mean of the train rows."""


@dataclass
class Case:
    name: str
    format: str
    content: bytes
    rows: list[tuple] | None = None
    """(values..., target) in any order; None if the file must be refused."""
    says: str = ""
    """Of a refusal: what its message or places must contain. Of others: what the notes must contain."""
    options: dict[str, str] = field(default_factory=dict)


cases: list[Case] = []


def case(name, format, content, rows=None, says="", **options):
    cases.append(Case(name, format, content, rows, says, options))


def written(write: Callable[[io.BytesIO], object]) -> bytes:
    """What `write` writes to a file."""
    content = io.BytesIO()
    content.close, close = lambda: None, content.close
    write(content)
    bytes_ = content.getvalue()
    close()
    return bytes_


N = 30
labels = np.arange(N) % 3
plain = rng.normal(0, 50, (N, 4))
