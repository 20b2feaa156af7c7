"""Files as tests read them."""

from __future__ import annotations

import csv
import io

LIMIT = 1_000_000
"""Bytes; no file of a test is larger."""


def table(content: bytes, delimiter: str = ",") -> list[list[str]]:
    """The rows of a file."""
    return list(csv.reader(io.StringIO(content.decode()), delimiter=delimiter))
