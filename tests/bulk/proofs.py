"""The cases of both proofs by their seeds: even ones crash, odd ones meet faults; all kinds take turns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Final, Self

from accounting import Account
from crashing import KILLS, KillKind, Nursery, crash
from faulting import fault
from proving import CRITERIA, JOBS, Plan

__all__ = ["Case"]

_JOBS: Final = len(JOBS)
_CRITERIA: Final = len(CRITERIA)
_FEWEST_KILLS: Final = 4
_MOST_KILLS: Final = 10


@dataclass(frozen=True)
class Case:
    """A run of one plan: with `kills` and a few faults, or without and with more."""

    plan: Plan
    kills: tuple[KillKind, ...]
    rate: float

    @classmethod
    def of(cls, seed: int) -> Self:
        """The case of a seed."""
        number, crashes = seed // 2, seed % 2 == 0
        random = Random(f"case {seed}")
        plan = Plan.of(seed, JOBS[number % _JOBS], CRITERIA[number // _JOBS % _CRITERIA])
        if not crashes:
            return cls(plan, (), random.choice((0.02, 0.08, 0.2)))
        ways: list[tuple[KillKind, ...]] = [*((kind,) for kind in KILLS), KILLS]
        way = ways[number // (_JOBS * _CRITERIA) % len(ways)]
        kills = random.choices(way, k=random.randint(_FEWEST_KILLS, _MOST_KILLS))
        return cls(plan, tuple(kills), random.choice((0, 0, 0.03)))

    @property
    def name(self) -> str:
        """The group that it belongs to."""
        if self.plan.job not in ("imports", "creates"):
            return self.plan.job
        merged = f"by {self.plan.deduplicate[0]}" if self.plan.deduplicate else "none"
        return f"{self.plan.job}, deduplication {merged}"

    def run(self, nursery: Nursery, folder: Path | None = None) -> Account:
        """Run it, with its journal in a folder."""
        with TemporaryDirectory(dir=folder) as made:
            if self.kills:
                return crash(self.plan, self.kills, nursery, folder=Path(made), rate=self.rate)
            return fault(self.plan, rate=self.rate, folder=Path(made))
