"""What the models of exports mean, and which options they refuse."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from reading import body, read, rows

from qualtrics_async.errors import UsageError
from qualtrics_async.models.audits import AnyAuditEventType, AuditEvent, AuditEventTypesPage
from qualtrics_async.models.common import AnyCreated, JobProgress
from qualtrics_async.models.contact_exports import (
    ContactExportOptions,
    ContactExportProgress,
    ExportFileAddress,
)
from qualtrics_async.models.legacy_response_exports import LegacyResponseExportProgress
from qualtrics_async.models.response_exports import ResponseExportOptions, ResponseExportProgress

NOT_IN_JSON = {
    "include_display_order": True,
    "use_labels": False,
    "format_decimal_as_comma": True,
    "seen_unanswered_recode": -99,
    "multiselect_seen_unanswered_recode": 0,
    "time_zone": "UTC",
    "newline_replacement": " ",
    "breakout_sets": False,
}


def sent(value: object) -> Any:
    """What an input looks like on the wire."""
    return json.loads(msgspec.json.encode(value))


@pytest.mark.parametrize("form", ["json", "ndjson"])
@pytest.mark.parametrize(("name", "value"), NOT_IN_JSON.items())
def test_options_that_json_exports_do_not_have(form: str, name: str, value: object) -> None:
    """Each is refused, whatever its value, and names itself."""
    with pytest.raises(UsageError, match=name):
        ResponseExportOptions(format=form, **{name: value})  # type: ignore[arg-type]  # any option


@pytest.mark.parametrize("form", ["csv", "tsv"])
def test_tables_have_every_option(form: str) -> None:
    """The same options are fine for tables."""
    assert sent(ResponseExportOptions(format=form, **NOT_IN_JSON)).keys() == {  # type: ignore[arg-type]  # any option
        "format",
        "includeDisplayOrder",
        "useLabels",
        "formatDecimalAsComma",
        "seenUnansweredRecode",
        "multiselectSeenUnansweredRecode",
        "timeZone",
        "newlineReplacement",
        "breakoutSets",
    }


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"format": " "}, "format"),
        ({"format": "spss", "newline_replacement": " "}, "newline_replacement"),
        ({"format": "csv", "filter_id": "f", "allow_continuation": True}, "allow_continuation"),
        ({"format": "csv", "filter_id": "f", "sort_by_last_modified_date": True}, "sort_by_last"),
        ({"format": "csv", "use_labels": True, "include_label_columns": True}, "include_label_columns"),
        ({"format": "csv", "question_ids": "QID1"}, "question_ids"),
        ({"format": "csv", "embedded_data_ids": "site"}, "embedded_data_ids"),
        ({"format": "csv", "survey_metadata_ids": "status"}, "survey_metadata_ids"),
    ],
)
def test_options_that_cannot_be_meant(options: dict[str, Any], named: str) -> None:
    """What excludes one another is refused when it is written, long before any request."""
    with pytest.raises(UsageError, match=named):
        ResponseExportOptions(**options)


def test_what_is_switched_off_excludes_nothing() -> None:
    """A filter beside a continuation that is not wanted is fine, and so are two kinds of labels."""
    assert sent(ResponseExportOptions(format="json", filter_id="f", allow_continuation=False)) == {
        "format": "json",
        "filterId": "f",
        "allowContinuation": False,
    }
    for labels in (True, False):
        options = ResponseExportOptions(format="csv", use_labels=labels, include_label_columns=not labels)
        assert options.use_labels is labels


def test_contact_exports_always_say_which_embedded_data() -> None:
    """The service wants the key, so it is there."""
    assert sent(ContactExportOptions()) == {"format": "csv", "embeddedData": []}


@pytest.mark.parametrize(
    ("kind", "name", "finished", "failed"),
    [
        (ResponseExportProgress, "response_export_running", False, False),
        (ResponseExportProgress, "response_export_finished", True, False),
        (ResponseExportProgress, "response_export_failed", True, True),
        (LegacyResponseExportProgress, "legacy_response_export_running", False, False),
        (LegacyResponseExportProgress, "legacy_response_export_finished", True, False),
        (JobProgress, "legacy_response_import_finished", True, False),
        (ContactExportProgress, "contact_export_running", False, False),
        (ContactExportProgress, "contact_export_finished", True, False),
        (ContactExportProgress, "contact_export_timed_out", True, True),
    ],
)
def test_progress_knows_its_end(kind: type[JobProgress], name: str, finished: bool, failed: bool) -> None:
    """Each family's words end its jobs, and those without words end at 100 percent."""
    progress = read(kind, rows(name)[0])
    assert (progress.is_finished, progress.is_failed) == (finished, failed)


@pytest.mark.parametrize(
    ("status", "finished"),
    [("inProgress", False), ("IN_PROGRESS", False), ("queued", False), ("aborted", True)],
)
def test_a_word_that_nobody_knows_does_not_go_on_for_ever(status: str, finished: bool) -> None:
    """At 100 percent only the words for going on go on; before, every unknown word does."""
    assert JobProgress(status=status, percent_complete=100.0).is_finished is finished
    assert not JobProgress(status=status, percent_complete=99.0).is_finished


def test_the_token_of_a_file_is_not_printed() -> None:
    """Neither the token nor the address shows up in the text."""
    address = read(ExportFileAddress, rows("contact_export_file")[0])
    assert address.jwt == "sample.one-time.token"
    assert repr(address) == "ExportFileAddress(...)"


def test_event_types_may_be_names_only() -> None:
    """Objects and names are the same kind of thing, and another kind is refused."""
    elements = read(AuditEventTypesPage, body("audit_event_types")["result"]).elements
    events = read(AuditEventTypesPage, body("audit_event_types_documented")["result"]).events
    assert [found.name for found in elements or []] == ["color_change"]
    assert [found.name for found in events or []] == ["color_change", "survey_export"]
    with pytest.raises(msgspec.ValidationError):
        read(AnyAuditEventType, 3)


@pytest.mark.parametrize("name", ["audit_export_started", "audit_export_started_documented"])
def test_audit_exports_are_found_under_each_name(name: str) -> None:
    """A client reads `id`, the documentation shows `exportId`."""
    assert read(AnyCreated, body(name)["result"]).id == "88888888-9999-4aaa-8bbb-000000000001"


def test_descriptors_may_be_empty_lists() -> None:
    """PHP writes an empty object as a list."""
    assert [read(AuditEvent, row).descriptor for row in rows("audit_events")] == [
        {"userId": "UR_3uSeRoFtEsT0001", "isSuccessful": True},
        {},
    ]
