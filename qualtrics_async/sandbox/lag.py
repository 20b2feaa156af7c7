"""What exists but is not listed yet: an index that is behind. Assumed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qualtrics_async.sandbox.jobs import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from qualtrics_async.sandbox.jobs import ByPolls, BySeconds

__all__ = ["Lag"]


class Lag:
    """The records of each place that its listing does not show yet.

    With `ByPolls(n)` the n-th look shows them, with `BySeconds(s)` a look so many seconds later; None shows
    them at once.
    """

    def __init__(self, policy: ByPolls | BySeconds | None, clock: Callable[[], float]) -> None:
        self._policy = policy
        self._clock = clock
        self._late: dict[str, dict[str, Progress]] = {}

    def add(self, place: str, record_id: str) -> None:
        """Keep a new record back."""
        if self._policy is not None:
            self._late.setdefault(place, {})[record_id] = Progress(self._clock())

    def show(self, place: str, record_id: str) -> None:
        """Keep a record back no longer."""
        self._late.get(place, {}).pop(record_id, None)

    def look(self, place: str, *, polls: int = 1) -> Collection[str]:
        """Poll a place, and return the ids that it does not show."""
        late = self._late.get(place)
        if not late or self._policy is None:
            return ()
        now = self._clock()
        for record_id, progress in tuple(late.items()):
            progress.polls += polls
            if self._policy.fraction(progress, now) >= 1.0:
                del late[record_id]
        return late.keys()
