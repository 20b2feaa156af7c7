"""What a job over responses says when it ends: each response has one fate, whatever the words are."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qualtrics_async.bulk.records import Kind
from qualtrics_async.bulk.response_report import Fates, fates_of
from qualtrics_async.errors import JobFailed, NotFound, QualtricsError
from qualtrics_async.models.response_jobs import ResponseJobProgress

IDS = [f"R_{n}" for n in range(12)]


def said(ended: QualtricsError | None = None, **answer: Any) -> Fates:
    """Read an answer on a job over twelve responses."""
    return fates_of("J_1", IDS, ResponseJobProgress(status="complete", **answer), ended)


def kinds(fates: Fates) -> dict[str, Kind]:
    """The kind of each response that is not as most are."""
    return {IDS[at]: result.kind for at, result in fates.items() if result.kind is not fates.kind}


def test_a_job_that_says_nothing_went_well() -> None:
    """Complete, without counts and lists: everything was done, and each result has its id."""
    fates = said()
    assert {result.kind for result in fates.values()} == {Kind.OK}
    assert [result.contact_id for result in fates.values()] == IDS
    assert kinds(said(error_count=0, errors=[], warning_count=0, warnings=[])) == {}


ENTRIES: list[Any] = [
    "No such response: R_1",
    "R_1.",
    "response 'R_1', of SV_1: not found!",
    {"responseId": "R_1", "message": "not found"},
    {"R_1": "not found"},
    {"error": {"items": [{"ids": ["R_1"]}], "code": 7}},
    ["x", None, 3, True, ["R_1"]],
]


@pytest.mark.parametrize("entry", ENTRIES, ids=str)
@pytest.mark.parametrize("where", ["errors", "warnings"])
def test_an_entry_names_its_response_anywhere(entry: Any, where: str) -> None:
    """At any depth and beside any signs; R_1 is not R_11, and the others went well."""
    answer: dict[str, Any] = {where: [entry], f"{where[:-1]}_count": 1}
    fates = said(**answer)
    assert (fates.kind, kinds(fates)) == (Kind.OK, {"R_1": Kind.FAILED})
    assert fates[1].reason == "refused by the job"
    assert "R_1" in str(fates[1].error)
    assert len(str(fates[1].error)) < 300


def test_an_error_that_names_nobody_may_be_anyones() -> None:
    """Whom it names has failed, and the others are in doubt, also where only a count says so."""
    for answer in (
        {"errors": ["R_1 is locked", "something else"]},
        {"errors": ["R_1 is locked"], "error_count": 2},
        {"errors": ["R_1 is locked", "R_99 is not of this job"], "error_count": 2},
        {"errors": ["R_1 is locked"], "warning_count": 1},
    ):
        fates = said(**answer)
        assert (fates.kind, kinds(fates)) == (Kind.IN_DOUBT, {"R_1": Kind.FAILED})
        assert fates[0].reason == "errors without a name"


def test_a_remark_that_names_nobody_is_no_failure() -> None:
    """A warning that is listed and names no response is about none; one entry may be about several."""
    assert said(warnings=["the field is new"], warning_count=1).kind is Kind.OK
    fates = said(errors=[{"missing": ["R_1", "R_2", "R_3"]}], error_count=3)
    assert (fates.kind, len(kinds(fates))) == (Kind.OK, 3)


ENDS: list[tuple[QualtricsError, str]] = [
    (JobFailed("no", status="failed"), "job failed"),
    (JobFailed("no", status="timed out"), "job timed out"),
    (NotFound("no", status=404), "job not seen"),
]


@pytest.mark.parametrize(("ended", "reason"), ENDS, ids=str)
def test_a_job_that_ended_badly_leaves_doubt(ended: QualtricsError, reason: str) -> None:
    """Nobody knows how far it came; only what it names has failed."""
    fates = said(ended, errors=["R_4"])
    assert (fates.kind, kinds(fates)) == (Kind.IN_DOUBT, {"R_4": Kind.FAILED})
    assert (fates[0].reason, fates[0].error) == (reason, ended)


words = st.sampled_from([*IDS, "R_", "R_100", "not", "x.", "SV_1"])
entries = st.lists(
    st.recursive(
        words | st.none() | st.integers(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
        max_leaves=6,
    ),
    max_size=6,
)
counts = st.none() | st.integers(0, 8)


@given(errors=entries, warnings=entries, error_count=counts, warning_count=counts, failed=st.booleans())
def test_every_response_has_one_fate(
    errors: list[Any], warnings: list[Any], error_count: int | None, warning_count: int | None, failed: bool
) -> None:
    """No answer, however odd, loses a response; named ones fail, and counts that are not met leave doubt."""
    ended = JobFailed("it failed", status="failed") if failed else None
    fates = said(
        ended,
        errors=errors,
        warnings=warnings,
        error_count=error_count,
        warning_count=warning_count,
    )
    assert list(fates) == list(range(len(IDS)))
    assert [result.contact_id for result in fates.values()] == IDS
    text = str((errors, warnings)).replace("'", " ").replace(":", " ").replace(",", " ")
    named = {
        name for name in IDS if name in text.replace("[", " ").replace("]", " ").replace("}", " ").split()
    }
    assert {IDS[at] for at, result in fates.items() if result.kind is Kind.FAILED} == named
    if failed or (error_count or 0) > max(len(errors), len(IDS)):
        assert fates.kind is Kind.IN_DOUBT
