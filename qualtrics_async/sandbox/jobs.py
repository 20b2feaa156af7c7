"""How work that takes time gets on: by the number of polls or by the clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["ByPolls", "BySeconds", "Job", "Progress"]


@dataclass(slots=True)
class Progress:
    """How far one piece of work has come. `began` is in seconds of the sandbox's clock."""

    began: float
    polls: int = 0
    stuck: bool = False


@dataclass(slots=True, eq=False)
class Job:
    """A job of any family. `record` holds what its family keeps; `done` is set at its end, well or badly.

    After `lives` polls it is not found any more, unless that is None; one that is `fileless` leaves no file.
    """

    id: str
    family: str
    progress: Progress
    failing: bool = False
    done: bool = False
    lives: int | None = None
    fileless: bool = False
    record: dict[str, Any] = field(default_factory=dict)

    @property
    def outcome(self) -> Literal["running", "failed", "complete"]:
        """How it stands, for a family to spell in its own words."""
        if not self.done:
            return "running"
        return "failed" if self.failing else "complete"


@dataclass(frozen=True, slots=True)
class ByPolls:
    """Complete at the n-th poll; 0 is complete at once."""

    polls: int = 2

    def fraction(self, progress: Progress, now: float) -> float:  # noqa: ARG002
        """The share that is done, 0 to 1."""
        return 1.0 if progress.polls >= self.polls else progress.polls / self.polls

    def ended(self, progress: Progress, now: float) -> float:  # noqa: ARG002
        """When the work that is complete by `now` was completed."""
        return now


@dataclass(frozen=True, slots=True)
class BySeconds:
    """Complete so many seconds after the start, whether somebody looks or not."""

    seconds: float

    def fraction(self, progress: Progress, now: float) -> float:
        """The share that is done, 0 to 1."""
        elapsed = now - progress.began
        return 1.0 if elapsed >= self.seconds else max(0.0, elapsed / self.seconds)

    def ended(self, progress: Progress, now: float) -> float:
        """When the work that is complete by `now` was completed."""
        return min(now, progress.began + self.seconds)
