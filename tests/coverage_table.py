"""The table of coverage, made by `python tests/coverage_table.py > tests/coverage.md`."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from types import FunctionType
from typing import Any

from reaching import codes, functions

from qualtrics_async.sandbox import Sandbox
from qualtrics_async.sandbox.credentials import Credentials
from qualtrics_async.sandbox.handlers import OPERATIONS

__all__ = ["TABLE", "table"]

TABLE = Path(__file__).with_name("coverage.md")
CATALOGUE = Path(__file__).with_name("catalogue.tsv")

INTRODUCTION = """\
# Coverage

Every published operation of the Qualtrics API, by the vendor's own categories. Each is a method of the
client, in the groups named here; only the one that issues OAuth tokens is called by the client itself.

The sandbox answers all of them. *Kept* are those whose handler reads or changes what the sandbox remembers,
so that one call sees what another one did; the others only give an answer of the right shape. *Documented*,
*observed* and *assumed* say where that shape comes from: the vendor's documentation, recorded answers, or
neither.

This table is made by `python tests/coverage_table.py > tests/coverage.md`, and a test keeps it true.
"""
COLUMNS = ("category", "client", "operations", "kept", "answered", "documented", "observed", "assumed")
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
            if operation is not None and operation.handler is not None:
                counts[operation.confidence] += 1
                counts["kept" if keeps(operation.handler) else "answered"] += 1
        total += counts
        lines.append((category, ", ".join(f"`{name}`" for name in dict.fromkeys(groups)), *_cells(counts)))
    lines.append(("**all**", "", *_cells(total)))
    return f"{INTRODUCTION}\n{_markdown(lines)}"


def keeps(handler: Callable[..., Any]) -> bool:
    """Whether a handler reaches what the sandbox remembers, by itself or through the sandbox's functions."""
    return any(
        REMEMBERED & {*code.co_names} and HOLDERS & {*code.co_names, *code.co_varnames, *code.co_freevars}
        for function in functions(handler)
        for code in codes(function)
    )


def _remembered(holder: object) -> Iterator[str]:
    """The collections of a state or of the credentials, and the methods that reach one of them."""
    found = {name for name, value in vars(holder).items() if isinstance(value, dict | list | set)}
    methods = {name: value for name, value in vars(type(holder)).items() if isinstance(value, FunctionType)}
    while reaching := {
        name
        for name, method in methods.items()
        if name not in found and any(found & {*code.co_names} for code in codes(method))
    }:
        found |= reaching
    yield from found


HOLDERS = {"state", "credentials"}
REMEMBERED = {name for holder in (Sandbox().state, Credentials(0, float, 1)) for name in _remembered(holder)}


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
