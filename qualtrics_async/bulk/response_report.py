"""What a job over responses said when it ended, and what that means for each of its rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from qualtrics_async.bulk.records import Kind, Result
from qualtrics_async.errors import JobFailed, QualtricsError
from qualtrics_async.models.response_jobs import ResponseJobProgress

__all__ = ["Fates", "fates_of"]

_WORDS: Final = re.compile(r"[^\s\"'`,;:()\[\]{}<>=/?#]+")
_SAID: Final = 200
"""Characters of an entry that an error repeats."""


class Fates(Mapping[int, Result]):
    """What became of each row of a chunk, by position: the same of all of them, but for exceptions.

    A chunk may have hundreds of thousands of rows, so a result is made when it is asked for.
    """

    def __init__(
        self,
        ids: Sequence[str],
        kind: Kind,
        reason: str | None = None,
        error: QualtricsError | None = None,
    ) -> None:
        self.ids = ids
        self.exceptions: dict[int, Result] = {}
        self.kind = kind
        self._reason = reason
        self._error = error

    def settle(
        self, position: int, kind: Kind, reason: str | None = None, error: QualtricsError | None = None
    ) -> None:
        """Say of one row what is not as with the others."""
        self.exceptions[position] = Result(position, kind, reason, error, self.ids[position])

    def __getitem__(self, position: int) -> Result:
        found = self.exceptions.get(position)
        if found is not None:
            return found
        return Result(position, self.kind, self._reason, self._error, self.ids[position])

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.ids)))

    def __len__(self) -> int:
        return len(self.ids)


def fates_of(
    job: str, ids: Sequence[str], progress: ResponseJobProgress, ended: QualtricsError | None
) -> Fates:
    """Tell what became of each row of a job that ended: `ended` is why badly, or why nobody saw it.

    No source shows an entry of `errors` or `warnings`. So one that names a response anywhere in it fails this
    response, whatever it says. Errors that are counted and name none, and warnings that are counted and not
    listed, may be about any of the others, which are in doubt then; and so are those of a job that failed, of
    which nobody knows how far it came.
    """
    errors, warnings = progress.errors or [], progress.warnings or []
    places = {name: position for position, name in enumerate(ids)} if errors or warnings else {}
    named: dict[int, str] = {}
    unnamed = 0
    for entries, count, is_error in (
        (errors, progress.error_count, True),
        (warnings, progress.warning_count, False),
    ):
        naming, found = _find(entries, places)
        # Several entries may name one response, and one entry several.
        told = max(naming if is_error else len(entries), len(found))
        unnamed += max(0, max(count or 0, len(entries)) - told)
        named = found | named
    if ended is not None:
        fates = Fates(ids, Kind.IN_DOUBT, _reason(ended), ended)
    elif unnamed:
        unknown = JobFailed(
            f"job {job} counts {unnamed} errors or warnings more than it tells the responses of",
            job_id=job,
            status=progress.status or "",
        )
        fates = Fates(ids, Kind.IN_DOUBT, "errors without a name", unknown)
    else:
        fates = Fates(ids, Kind.OK)
    for position, said in named.items():
        error = JobFailed(f"job {job} says of the response: {said}", job_id=job, status=progress.status or "")
        fates.settle(position, Kind.FAILED, "refused by the job", error)
    return fates


def _reason(ended: QualtricsError) -> str:
    if not isinstance(ended, JobFailed):
        return "job not seen"
    return "job timed out" if ended.status == "timed out" else "job failed"


def _find(entries: Sequence[Any], places: Mapping[str, int]) -> tuple[int, dict[int, str]]:
    """Count the entries that name responses of a job, and tell what is said of each of these."""
    naming = 0
    found: dict[int, str] = {}
    for entry in entries:
        positions = {places[word] for word in _words(entry) if word in places}
        naming += bool(positions)
        if positions:
            said = _text(entry)
            found.update(dict.fromkeys(positions - found.keys(), said))
    return naming, found


def _words(entry: Any) -> Iterator[str]:
    """All words of an entry, at whatever depth; a full stop at the end is not part of one."""
    waiting = [entry]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            for word in _WORDS.findall(part):
                yield word
                yield word.rstrip(".!")
        elif isinstance(part, dict):
            waiting += [*part.keys(), *part.values()]
        elif isinstance(part, list):
            waiting += part


def _text(entry: Any) -> str:
    text = entry if isinstance(entry, str) else msgspec.json.encode(entry).decode()
    return " ".join(text.split())[:_SAID]
