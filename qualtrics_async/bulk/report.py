"""What became of each row of an import: pure functions of its report and its counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from qualtrics_async.bulk.records import Kind, Result
from qualtrics_async.errors import JobFailed, OutcomeUnknown, QualtricsError
from qualtrics_async.models.contact_imports import ContactImportProgress, ImportReportEntry

__all__ = ["Report", "decide"]


class _Address(msgspec.Struct):
    email: str | None = None


_emails = msgspec.json.Decoder(list[_Address]).decode


@dataclass(slots=True)
class Report:
    """What the report says of each row: contact id, lookup id, and the words for it.

    It is not `complete` where the account has none, or where a part could not be read.
    """

    entries: dict[int, tuple[str | None, str | None, str]] = field(default_factory=dict)
    complete: bool = False

    def add(self, entries: Iterable[ImportReportEntry]) -> None:
        """Add a page."""
        for entry in entries:
            if entry.index is not None:
                words = f"{entry.import_status or ''} {entry.import_status_code or ''}".strip()
                self.entries[entry.index] = (entry.contact_id, entry.contact_list_contact_id, words)


def decide(
    job: str,
    positions: Sequence[int],
    body: bytes | None,
    report: Report,
    *,
    progress: ContactImportProgress,
    ended: QualtricsError | None,
) -> dict[int, Result]:
    """Decide on the rows at these positions: by the report, and without one by the counts.

    `body` has all rows of the chunk as they were sent, where there is no whole report; `ended` is why the
    import ended badly, if it did. The report's words are not known, so only its contact ids count.
    """
    if report.complete:
        reason, doubt = "not in the report", ended
        if ended is not None:
            reason = "import failed" if progress.is_finished else "no end in sight"
        else:
            doubt = OutcomeUnknown(f"the report of import {job} does not name the row")
        rest = {position: Result(position, Kind.IN_DOUBT, reason, doubt) for position in positions}
    else:
        emails = [row.email for row in _emails(body or b"[]")]
        rest = {result.position: result for result in _from_counts(job, positions, emails, progress, ended)}
    named = report.entries
    return {
        position: _from_entry(job, position, named[position]) if position in named else rest[position]
        for position in positions
    }


def _from_entry(job: str, position: int, entry: tuple[str | None, str | None, str]) -> Result:
    contact_id, lookup_id, words = entry
    if contact_id:
        return Result(position, Kind.OK, contact_id=contact_id, contact_lookup_id=lookup_id)
    failure = JobFailed(f"import {job} gave the row no contact: {words}", job_id=job, status=words)
    return Result(position, Kind.FAILED, "refused by the import", failure)


def _from_counts(
    job: str,
    positions: Sequence[int],
    emails: Sequence[str | None],
    progress: ContactImportProgress,
    ended: QualtricsError | None,
) -> list[Result]:
    """Decide without a report: counts that add up leave no doubt, others nothing but doubt."""
    if not progress.is_finished:
        lost = ended or OutcomeUnknown(f"nobody saw the end of import {job}")
        return [Result(position, Kind.IN_DOUBT, "no end in sight", lost) for position in positions]
    invalid = {str(email).strip().lower() for email in progress.invalid_emails or ()}
    named = {position for position in positions if (emails[position] or "").strip().lower() in invalid}
    accepted = (progress.added or 0) + (progress.updated or 0)
    if not accepted and (progress.failed or 0) >= len(positions):
        refused = ended or JobFailed(f"import {job} took none of its rows", job_id=job)
        return [Result(position, Kind.FAILED, "refused by the import", refused) for position in positions]
    unfit = JobFailed(f"import {job} calls the e-mail address invalid", job_id=job, status="invalid")
    doubt = ended or OutcomeUnknown(
        f"import {job} has no report, and its counts do not tell which rows it took"
    )
    results: list[Result] = []
    for position in positions:
        if position in named:
            results.append(Result(position, Kind.FAILED, "invalid e-mail", unfit))
        elif accepted == len(positions) - len(named):
            results.append(Result(position, Kind.OK))
        else:
            results.append(Result(position, Kind.IN_DOUBT, "no report", doubt))
    return results
