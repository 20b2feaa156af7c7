"""What a benchmark hands back, how it is printed, and on which machine it was measured."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any, Final

__all__ = ["Goal", "Row", "compare", "machine", "table"]

PACKAGES: Final = ("qualtrics-async", "aiohttp", "aiolimiter", "anyio", "httpx", "msgspec", "uvicorn", "yarl")


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound for the ratio of a row, or for its value where it has no ratio."""

    bound: float
    at_most: bool = True

    def __str__(self) -> str:
        return f"{'<=' if self.at_most else '>='} {self.bound:g}"

    def is_met(self, number: float) -> bool:
        """Whether the number keeps the bound."""
        return number <= self.bound if self.at_most else number >= self.bound


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `ratio` is the median over the rounds, against the first row of its group."""

    group: str
    name: str
    value: float
    unit: str
    ratio: float | None = None
    goal: Goal | None = None

    @property
    def met(self) -> bool | None:
        """Whether the goal is met, None where there is none."""
        if self.goal is None:
            return None
        return self.goal.is_met(self.value if self.ratio is None else self.ratio)

    def as_json(self) -> dict[str, Any]:
        """The row as plain data."""
        return {
            **asdict(self),
            "goal": None if self.goal is None else str(self.goal),
            "met": self.met,
        }


def compare(
    group: str, unit: str, rounds: Sequence[dict[str, float]], goals: dict[str, Goal] | None = None
) -> list[Row]:
    """Make rows of rounds: each is one measurement of every contender; the first is the baseline.

    Ratios are taken within a round, where both were measured under the same conditions.
    """
    baseline = next(iter(rounds[0]))
    return [
        Row(
            group,
            name,
            median(each[name] for each in rounds),
            unit,
            median(each[name] / each[baseline] for each in rounds),
            (goals or {}).get(name),
        )
        for name in rounds[0]
    ]


def table(rows: Sequence[Row]) -> str:
    """Print the rows in columns, a group under its name."""
    lines: list[str] = []
    group = None
    for row in rows:
        if row.group != group:
            group = row.group
            lines += ["", group]
        ratio = "" if row.ratio is None else f"x {row.ratio:.2f}"
        verdict = {None: "", True: "met", False: "MISSED"}[row.met]
        goal = "" if row.goal is None else f"goal {row.goal}: {verdict}"
        lines.append(f"  {row.name:<46}{row.value:>10.4g} {row.unit:<8}{ratio:>8}  {goal}".rstrip())
    return "\n".join(lines)


def machine() -> dict[str, Any]:
    """Describe where this runs: enough to judge the numbers, nothing that names anybody."""
    return {
        "cpus": os.cpu_count(),
        "processor": _processor(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": {name: _version(name) for name in PACKAGES},
        "commit": _commit(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor())


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit() -> str | None:
    git = shutil.which("git")
    if git is None:
        return None
    root = Path(__file__).parent.parent

    def ask(*words: str) -> str:
        return subprocess.run(
            (git, *words), cwd=root, capture_output=True, text=True, check=False
        ).stdout.strip()

    commit = ask("rev-parse", "--short", "HEAD")
    changed = ask("status", "--porcelain", "--untracked-files=no", "--", "qualtrics_async", "benchmarks")
    return f"{commit}{' with changes' if changed else ''}" or None
