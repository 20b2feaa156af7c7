"""What a report and what counts say of rows: certain, failed, or in doubt."""

from __future__ import annotations

import json
from typing import Any

import pytest

from qualtrics_async import JobFailed
from qualtrics_async.bulk.records import Kind
from qualtrics_async.bulk.report import Report, decide
from qualtrics_async.models import ContactImportProgress, ImportReportEntry

EMAILS = ["a@example.com", "B@example.com", None, "a@example.com"]
ENDED = JobFailed("it failed", job_id="PGRS_1")


def progress(percent: float = 100, **more: Any) -> ContactImportProgress:
    """An answer with counts."""
    invalid = more.pop("invalid", None)
    return ContactImportProgress(
        percent_complete=percent, contacts={"count": more}, invalid_emails=invalid, status="PLACEHOLDER"
    )


def kinds(
    state: ContactImportProgress, report: Report | None = None, ended: JobFailed | None = None
) -> list[str]:
    """Decide on four rows, as words."""
    body = json.dumps([{"email": email} if email else {"phone": "1"} for email in EMAILS]).encode()
    found = decide("PGRS_1", range(4), body, report or Report(), progress=state, ended=ended)
    assert list(found) == [0, 1, 2, 3]
    results = found.values()
    assert [result.position for result in results] == [0, 1, 2, 3]
    assert all((result.error is None) is (result.kind is Kind.OK) for result in results)
    words = {Kind.OK: "ok", Kind.FAILED: "failed", Kind.IN_DOUBT: "doubt"}
    return [words[result.kind] for result in results]


OK, FAILED, DOUBT = ["ok"] * 4, ["failed"] * 4, ["doubt"] * 4
COUNTED = [
    (progress(added=4, updated=0, failed=0), None, OK),
    (progress(added=1, updated=3), None, OK),
    (progress(added=0, updated=0, failed=4), None, FAILED),
    (progress(added=0, updated=0, failed=4), ENDED, FAILED),
    (progress(added=3, updated=0, failed=1), None, DOUBT),
    (progress(added=3, failed=1, invalid=["b@EXAMPLE.com"]), None, ["ok", "failed", "ok", "ok"]),
    (progress(added=2, failed=2, invalid=["a@example.com"]), None, ["failed", "ok", "ok", "failed"]),
    (progress(added=2, failed=2, invalid=["b@example.com"]), None, ["doubt", "failed", "doubt", "doubt"]),
    (progress(added=2, updated=0, failed=0), None, DOUBT),
    (progress(added=2, updated=0, failed=0), ENDED, DOUBT),
    (progress(added=0, updated=0, failed=0), ENDED, DOUBT),
    (progress(), None, DOUBT),
    (ContactImportProgress(), ENDED, DOUBT),
    (progress(percent=50, added=4, updated=0, failed=0), ENDED, DOUBT),
]


@pytest.mark.parametrize(("state", "ended", "expected"), COUNTED)
def test_counts_decide_only_when_they_add_up(
    state: ContactImportProgress, ended: JobFailed | None, expected: list[str]
) -> None:
    """Counts of a job that has ended and that account for every row are certain; all others are doubt."""
    assert kinds(state, ended=ended) == expected


def report(*entries: tuple[object, str | None], complete: bool = True) -> Report:
    """A report that names rows by index."""
    made = Report(complete=complete)
    made.add(
        ImportReportEntry(source_index_id=index, contact_id=contact)  # type: ignore[arg-type]  # strange on purpose
        for index, contact in entries
    )
    return made


def test_a_report_is_believed_by_its_contact_ids() -> None:
    """A contact id is success, its absence failure; a row that is not named is in doubt."""
    told = report((0, "CID_1"), ("1", None), (3, "CID_2"))
    assert kinds(progress(added=4, updated=0, failed=0), told) == ["ok", "failed", "doubt", "ok"]


def test_a_report_of_a_failed_job_counts_too() -> None:
    """What it gave an id was taken, the rest is in doubt and not called failed."""
    assert kinds(progress(added=1), report((2, "CID_1")), ENDED) == ["doubt", "doubt", "ok", "doubt"]


def test_a_report_that_was_read_in_part_leaves_the_rest_to_the_counts() -> None:
    """Rows that it names are decided by it, the others by counts that add up."""
    part = report((2, "CID_1"), complete=False)
    assert kinds(progress(added=4, updated=0), part) == OK
    assert kinds(progress(added=3, updated=0), part) == ["doubt", "doubt", "ok", "doubt"]
