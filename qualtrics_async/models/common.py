"""What several groups answer."""

from __future__ import annotations

from typing import Final

from qualtrics_async.models._base import Model, Number, lenient

__all__ = ["AnyCreated", "Created", "JobProgress"]


class Created(Model, frozen=True, kw_only=True):
    """The id of what was just created."""

    id: str


_COMPLETE: Final = frozenset({"complete", "completed", "done", "finished", "success", "succeeded"})
_FAILED: Final = frozenset({"failed", "failure", "error", "timed_out", "cancelled", "canceled"})
_RUNNING: Final = frozenset(
    {"inprogress", "in progress", "in_progress", "queued", "created", "pending", "running"}
)
_ALL: Final = 100.0


class JobProgress(Model, frozen=True, kw_only=True):
    """How far a job of the server's is; `percent_complete` runs from 0 to 100.

    No source has all the status words, so they are read without regard to case, and 100 percent is the end
    unless the word says that it goes on. A job may fail at 100 percent (documented).
    """

    percent_complete: Number | None = None
    status: str | None = None

    @property
    def is_failed(self) -> bool:
        """Whether it ended badly."""
        return _word(self.status) in _FAILED

    @property
    def is_finished(self) -> bool:
        """Whether nothing more happens, well or badly."""
        word = _word(self.status)
        return (
            word in _COMPLETE
            or word in _FAILED
            or (word not in _RUNNING and (self.percent_complete or 0.0) >= _ALL)
        )


def _word(status: str | None) -> str:
    return (status or "").strip().lower()


_ID_KEYS: Final = ("id", "distributionId", "exportId", "segmentId", "sampleDefinitionId")


def _created(value: object) -> Created:
    """A `Created`, from `id`, its name in the family or a second `result` (the specifications)."""
    if isinstance(value, dict):
        for key in _ID_KEYS:
            if isinstance(value.get(key), str):
                return Created(id=value[key])
        if "result" in value:
            return _created(value["result"])
    raise ValueError("expected the id of what was created")


AnyCreated: Final = lenient(Created, _created)
