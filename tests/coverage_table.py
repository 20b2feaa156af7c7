"""The table of coverage, made by `python tests/coverage_table.py > tests/coverage.md`."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from qualtrics_async.sandbox.handlers import OPERATIONS

__all__ = ["TABLE", "table"]

TABLE = Path(__file__).with_name("coverage.md")
CATALOGUE = Path(__file__).with_name("catalogue.tsv")

INTRODUCTION = """\
# Coverage

Every published operation of the Qualtrics API, by the vendor's own categories. Each is a method of the
client, in the groups named here; only the one that issues OAuth tokens is called by the client itself.

The column *sandbox* counts what the sandbox answers, from a state of its own: what one call makes, another
one finds, changes and deletes. The last three say where the shapes of its answers come from: the vendor's
documentation or public clients that rely on it, recorded answers, or neither, so that a client and a sandbox
that agree prove nothing there.

This table is made by `python tests/coverage_table.py > tests/coverage.md`, and a test keeps it true.
"""
COLUMNS = ("category", "client", "operations", "sandbox", "documented", "observed", "assumed")
WORDS = 2
"""So many columns are words, the others are numbers."""


def table() -> str:
    """The whole page, as Markdown."""
    made = {(operation.method, operation.template): operation for operation in OPERATIONS}
    with CATALOGUE.open(encoding="utf-8", newline="") as file:
        rows = sorted(csv.DictReader(file, delimiter="\t"), key=lambda row: row["category"])
    lines: list[tuple[str, ...]] = []
    total: Counter[str] = Counter()
    for category, found in groupby(rows, key=lambda row: row["category"]):
        counts: Counter[str] = Counter()
        groups = []
        for row in found:
            counts["operations"] += 1
            groups += [name.partition(".")[0] for name in row["name"].split() if "." in name]
            operation = made.get((row["method"], row["path"]))
            if operation is not None:
                counts["sandbox"] += 1
                counts[operation.confidence] += 1
        total += counts
        lines.append((category, ", ".join(f"`{name}`" for name in dict.fromkeys(groups)), *_cells(counts)))
    lines.append(("**all**", "", *_cells(total)))
    return f"{INTRODUCTION}\n{_markdown(lines)}"


def _cells(counts: Counter[str]) -> list[str]:
    return [str(counts[name]) for name in COLUMNS[WORDS:]]


def _markdown(lines: list[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(COLUMNS, *lines, strict=True)]
    rule = ["-" * width if index < WORDS else "-" * (width - 1) + ":" for index, width in enumerate(widths)]
    return "".join(_line(cells, widths) for cells in (COLUMNS, rule, *lines))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    words = [cell.ljust(width) for cell, width in zip(cells[:WORDS], widths, strict=False)]
    numbers = [cell.rjust(width) for cell, width in zip(cells[WORDS:], widths[WORDS:], strict=True)]
    return f"| {' | '.join(words + numbers)} |\n"


if __name__ == "__main__":
    sys.stdout.write(table())
