"""What the answers around participants mean."""

from __future__ import annotations

import msgspec
import pytest
from reading import body, read, rows

from qualtrics_async.models.participants import (
    Participant,
    ParticipantFilter,
    ParticipantImportRow,
    ParticipantJobFailure,
    ParticipantJobProgress,
    ParticipantJobResult,
    ParticipantPage,
)


@pytest.mark.parametrize(
    ("name", "percent", "finished", "failed"),
    [
        ("participant_job_running", 50.0, False, False),
        ("participant_job_finished", 100.0, True, False),
        ("participant_job_failed", 100.0, True, True),
    ],
)
def test_progress_is_read_without_a_word(name: str, percent: float, finished: bool, failed: bool) -> None:
    """Percent is text under a name of its own, and 100 without a word is the end."""
    progress = read(ParticipantJobProgress, rows(name)[0])
    assert progress.percent_complete == percent
    assert (progress.is_finished, progress.is_failed) == (finished, failed)


def test_failures_have_their_reason() -> None:
    """Every key of a failure is read."""
    wire = rows("participant_job_result")[0]
    result = read(ParticipantJobResult, wire)
    assert result.failed == [
        ParticipantJobFailure(
            message="The unique identifier is not known.", item_count=1, item_ids=["E-9999"]
        )
    ]
    assert msgspec.to_builtins(result) == wire


def test_how_far_somebody_is_depends_on_the_project() -> None:
    """The first sample is of an engagement project, the second of a 360 project."""
    engaged, subject = (read(Participant, row) for row in rows("participants_page1"))
    assert engaged.participant_data is not None
    assert engaged.participant_data.complete == "false"
    assert engaged.subject_data is None
    assert subject.subject_data is not None
    assert subject.subject_data.nominations_sent == "3"
    assert subject.participant_data is None


def test_pages_have_their_token_beside_the_participants() -> None:
    """The last page has none."""
    pages = [read(ParticipantPage, body(f"participants_page{number}")) for number in (1, 2)]
    assert [page.skip_token for page in pages] == ["Mg==", None]
    assert [len(page.participants) for page in pages] == [2, 1]


def test_no_page_is_no_empty_page() -> None:
    """An answer without participants is an error, not the end of a listing."""
    with pytest.raises(msgspec.ValidationError):
        read(ParticipantPage, {"meta": {}})


def test_rows_say_only_what_is_set() -> None:
    """What is not set stays away, and nobody's address is null."""
    row = ParticipantImportRow(unique_identifier="E-1", first_name="Noor", last_name="Haddad", email=None)
    assert msgspec.to_builtins(row) == {
        "uniqueIdentifier": "E-1",
        "firstName": "Noor",
        "lastName": "Haddad",
        "email": None,
    }


def test_filters_have_the_documented_names() -> None:
    """A date format goes along where it is set."""
    found = ParticipantFilter(
        type="date",
        metadata_field="Since",
        value="2026-07-01",
        operator="LESS_THAN",
        date_format="YYYY-MM-DD",
    )
    assert msgspec.to_builtins(found) == {
        "type": "date",
        "metadataField": "Since",
        "value": "2026-07-01",
        "operator": "LESS_THAN",
        "dateFormat": "YYYY-MM-DD",
    }
