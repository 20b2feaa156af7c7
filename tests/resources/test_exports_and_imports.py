"""Exports and imports as a whole: what is asked in which order, what ends badly, what is refused."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from calling import check_refused
from cases_exports_and_imports import ARGUMENTS, EVENTS
from operations import client_of
from recorder import Recorder

from qualtrics_async._core.uploads import Upload
from qualtrics_async.errors import ConnectFailed, JobFailed, OutcomeUnknown, TimedOut, UsageError
from qualtrics_async.models.audits import AuditExportOptions
from qualtrics_async.models.common import JobProgress
from qualtrics_async.models.legacy_response_exports import LegacyResponseExportOptions
from qualtrics_async.models.response_exports import ResponseExportOptions

NAIVE = datetime(2026, 7, 1)  # noqa: DTZ001  (the mistake that is tested)
CSV = ResponseExportOptions(format="csv")
EXPORTS: list[tuple[str, Callable[[Any], Any], list[str], list[str]]] = [
    (
        "response_exports",
        lambda r: r.run("SV_1", CSV),
        ["response_export_started", "response_export_running", "response_export_finished"],
        [
            "POST /surveys/SV_1/export-responses",
            "GET /surveys/SV_1/export-responses/ES_4rEsPoNsEsXp001",
            "GET /surveys/SV_1/export-responses/ES_4rEsPoNsEsXp001",
            "GET /surveys/SV_1/export-responses/11111111-2222-4333-8444-555555555555-def/file",
        ],
    ),
    (
        "response_exports.v2",
        lambda r: r.run("SV_1", CSV),
        ["response_export_started", "response_export_finished"],
        [
            "POST /surveys/SV_1/v2-api-export-responses",
            "GET /surveys/SV_1/v2-api-export-responses/ES_4rEsPoNsEsXp001",
            "GET /surveys/SV_1/v2-api-export-responses/11111111-2222-4333-8444-555555555555-def/file",
        ],
    ),
    (
        "legacy_response_exports",
        lambda r: r.run("SV_1", LegacyResponseExportOptions(format="csv")),
        [
            "legacy_response_export_started",
            "legacy_response_export_running",
            "legacy_response_export_finished",
        ],
        [
            "POST /responseexports",
            "GET /responseexports/ES_5lEgAcYeXpOrT01",
            "GET /responseexports/ES_5lEgAcYeXpOrT01",
            "GET /responseexports/ES_5lEgAcYeXpOrT01/file",
        ],
    ),
    (
        "segment_membership_exports",
        lambda r: r.run("POOL_1", last_updated_date="2026-07-01T12:00:00Z"),
        ["segment_membership_export_started", "segment_membership_export_finished"],
        [
            "POST /directories/POOL_1/export-contact-segment-memberships",
            "GET /directories/POOL_1/export-contact-segment-memberships/sample-membership-export-1",
            "GET /directories/POOL_1/export-contact-segment-memberships/sample-membership-file-1/file",
        ],
    ),
    (
        "audits.exports",
        lambda r: r.run(EVENTS),
        ["audit_export_started_documented", "audit_export_finished"],
        [
            "POST /audit-exports",
            "GET /audit-exports/88888888-9999-4aaa-8bbb-000000000001",
            "GET /audit-exports/88888888-9999-4aaa-8bbb-000000000001/files/sample-audit-file-1",
        ],
    ),
    (
        "customer_data_requests",
        lambda r: r.run({"email": "noor@example.com"}),
        ["customer_data_request_started", "customer_data_request_finished"],
        [
            "POST /customer-data-requests",
            "GET /customer-data-requests/sample-customer-request-1",
            "GET /customer-data-requests/sample-customer-request-1/files/sample-customer-file-1",
        ],
    ),
]


def group(recorder: Recorder, name: str) -> Any:
    """A group or sub-group of a client."""
    return attrgetter(name)(client_of(recorder))


def paths(recorder: Recorder) -> list[str]:
    """Method and path of each request."""
    return [f"{request.route.method} {request.route.path}" for request in recorder.requests]


def enter(made: Any) -> bytes:
    """Enter an export and read its file."""

    async def read() -> bytes:
        async with made as file:
            content: bytes = await file.read(100)
            return content

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return asyncio.run(read())


@pytest.mark.parametrize(("name", "call", "answers", "asked"), EXPORTS, ids=[row[0] for row in EXPORTS])
def test_an_export_is_one_call(
    name: str, call: Callable[[Any], Any], answers: list[str], asked: list[str]
) -> None:
    """Start, progress until its end, and the file of the last answer."""
    recorder = Recorder(*answers, b"content")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        made = call(group(recorder, name))
    assert enter(made) == b"content"
    assert paths(recorder) == asked


@pytest.mark.parametrize(
    ("last", "status"),
    [
        ("response_export_failed", "failed"),
        ("response_export_without_file", "complete"),
        ("response_export_without_status", ""),
    ],
)
def test_an_export_without_a_file_has_failed(last: str, status: str) -> None:
    """Failed at 100 percent, complete without a file, a file without a word: none of them is a success."""
    recorder = Recorder("response_export_started", last)
    with pytest.raises(JobFailed) as caught:
        enter(group(recorder, "response_exports").run("SV_1", CSV))
    assert (caught.value.job_id, caught.value.status) == ("ES_4rEsPoNsEsXp001", status)
    assert isinstance(caught.value.detail, JobProgress)
    assert len(recorder.requests) == 2


def test_a_request_without_an_id_cannot_be_followed() -> None:
    """What the service answers is in the error."""
    recorder = Recorder("customer_data_request_without_id")
    with pytest.raises(JobFailed) as caught:
        enter(group(recorder, "customer_data_requests").run({"email": "noor@example.com"}))
    assert caught.value.detail == {"status": "queued"}


def test_contacts_are_read_elsewhere_with_the_one_time_token() -> None:
    """The address and its token come from the API; the request for the file is no request to the API."""
    recorder = Recorder(
        "contact_export_started",
        "contact_export_running",
        "contact_export_finished",
        "contact_export_file",
        b"email\n",
    )
    options = ARGUMENTS["contact_exports.start"]["options"]
    assert enter(group(recorder, "contact_exports").run("POOL_1", options)) == b"email\n"
    assert paths(recorder) == [
        "POST /directories/POOL_1/export-contacts",
        "GET /directories/POOL_1/export-contacts/sample-contact-export-1/status",
        "GET /directories/POOL_1/export-contacts/sample-contact-export-1/status",
        "GET /directories/POOL_1/export-contacts/sample-contact-file-1/file",
    ]
    (fetched,) = recorder.elsewhere
    assert fetched.url == "https://files.example.com/contacts/1.csv"
    assert dict(fetched.headers) == {"Accept": "*/*", "X-JWT": "sample.one-time.token"}


def test_what_goes_wrong_in_the_callers_body_is_the_callers() -> None:
    """An error between entering and leaving comes out as it is."""

    async def fail() -> None:
        recorder = Recorder("response_export_started", "response_export_finished", b"x")
        async with group(recorder, "response_exports").run("SV_1", CSV):
            raise InterruptedError

    with pytest.raises(InterruptedError):
        asyncio.run(fail())


def test_imports_have_a_key_of_their_own() -> None:
    """Each call has a fresh UUID, and may be repeated with it."""
    keys = set()
    for _ in range(2):
        recorder = Recorder("response_import_started")
        asyncio.run(group(recorder, "response_imports").start("SV_1", b"Q1\n1\n"))
        sent = dict(recorder.request.headers)
        assert recorder.request.idempotent
        assert sent["charset"] == "UTF-8"
        assert isinstance(recorder.request.body, Upload)
        assert recorder.request.body.content_type == "text/csv"
        keys.add(str(UUID(sent["Idempotency-Key"])))
    assert len(keys) == 2


def test_an_import_is_one_call() -> None:
    """It gives the last progress, and sends the options of its start."""
    recorder = Recorder("response_import_started", "response_import_finished")
    imports = group(recorder, "response_imports")
    done = asyncio.run(
        imports.run(
            "SV_1",
            Path("responses.tsv"),
            format="tsv",
            charset="UTF-16",
            contact_resolution="true",
            idempotency_key="key-1",
        )
    )
    assert (done.status, done.percent_complete) == ("complete", 100.0)
    assert paths(recorder) == [
        "POST /surveys/SV_1/import-responses",
        "GET /surveys/SV_1/import-responses/sample-import-0001",
    ]
    first = recorder.requests[0]
    assert isinstance(first.body, Upload)
    assert first.body.content_type == "text/tab-separated-values"
    assert dict(first.headers) == {
        "Idempotency-Key": "key-1",
        "Qualtrics-Contact-Resolution": "true",
        "charset": "UTF-16",
    }


def test_a_failed_import_says_why() -> None:
    """Its answer is a 200 with an error inside."""
    recorder = Recorder("response_import_started", "response_import_failed")
    with pytest.raises(JobFailed, match="no header") as caught:
        asyncio.run(
            group(recorder, "response_imports").run("SV_1", file_url="https://files.example.com/1.csv")
        )
    assert caught.value.status == "PLACEHOLDER"


@pytest.mark.parametrize("source", [{"file": b"Q1"}, {"file_url": "https://files.example.com/1.csv"}])
def test_an_import_in_doubt_names_the_key_to_repeat_it_with(source: dict[str, Any]) -> None:
    """Another key would import the file a second time. It is a write, which a cancellation leaves time."""
    recorder = Recorder(TimedOut("too late", method="POST", template="/", attempts=3))
    with pytest.raises(TimedOut) as caught:
        asyncio.run(group(recorder, "response_imports").start("SV_1", **source))
    key = dict(recorder.request.headers)["Idempotency-Key"]
    assert caught.value.__notes__ == [
        f"whoever repeats this import into the survey SV_1 should do so with idempotency_key={key!r}"
    ]
    assert recorder.request.idempotent
    assert not recorder.request.safe


def test_legacy_imports_are_one_call() -> None:
    """The whole warns as itself, once, at the line of its caller."""
    recorder = Recorder("legacy_response_import_started", "legacy_response_import_finished")

    async def run() -> JobProgress:
        done: JobProgress = await group(recorder, "legacy_response_imports").run("SV_1", b"Q1\n1\n")
        return done

    with pytest.warns(
        DeprecationWarning, match=r"imports\.run is deprecated, use response_imports\.run"
    ) as told:
        assert asyncio.run(run()).percent_complete == 100.0
    assert [warning.filename for warning in told] == [__file__]
    assert paths(recorder) == ["POST /responseimports", "GET /responseimports/IR_6lEgAcYiMpOrT01"]


@pytest.mark.parametrize("name", ["response_exports.v2", "legacy_response_exports"])
def test_legacy_exports_warn_once_as_a_whole(name: str) -> None:
    """Calling `run` warns at the line of the call; entering and leaving do not warn again."""
    answers = {
        "response_exports.v2": ("response_export_started", "response_export_finished"),
        "legacy_response_exports": ("legacy_response_export_started", "legacy_response_export_finished"),
    }
    options = ARGUMENTS[f"{name}.start"]["options"]
    with pytest.warns(
        DeprecationWarning, match=rf"{name}\.run is deprecated, use response_exports\.run"
    ) as told:
        made = group(Recorder(*answers[name], b"x"), name).run("SV_1", options)
    assert [warning.filename for warning in told] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")

        async def read() -> None:
            async with made:
                pass

        asyncio.run(read())


def test_the_log_pages_by_address() -> None:
    """One client found addresses under `nextPage`."""
    recorder = Recorder("audit_events_page1", "audit_events")
    found = asyncio.run(group(recorder, "audits").list(activity_type="users").collect())
    assert len(found) == 3
    assert str(recorder.requests[1].url).endswith("&skipToken=bmV4dA%3D%3D")


def test_the_log_pages_by_token() -> None:
    """Another client found tokens there."""
    recorder = Recorder("audit_events_page1_with_token", "audit_events")
    found = asyncio.run(group(recorder, "audits").list(activity_type="users").collect())
    assert len(found) == 3
    assert recorder.requests[1].url is None
    assert dict(recorder.requests[1].query) == {"activityType": "users", "skipToken": "bmV4dA=="}


@pytest.mark.parametrize("name", ["audit_event_types", "audit_event_types_documented"])
def test_event_types_are_found_under_each_name(name: str) -> None:
    """`elements` and `events` are the same listing."""
    recorder = Recorder(name)
    found = asyncio.run(group(recorder, "audits").event_types().collect())
    assert found[0].name == "color_change"


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("an import of nothing", lambda c: c.response_imports.start("SV_1")),
        (
            "an import of two things",
            lambda c: c.response_imports.start("SV_1", b"Q1", file_url="https://files.example.com/1"),
        ),
        ("an import of spreadsheets", lambda c: c.response_imports.start("SV_1", b"Q1", format="xlsx")),
        ("a blank key", lambda c: c.response_imports.start("SV_1", b"Q1", idempotency_key=" ")),
        ("a text for a file", lambda c: c.response_imports.start("SV_1", "responses.csv")),
        (
            "a naive start",
            lambda c: c.response_exports.start("SV_1", ResponseExportOptions(format="csv", start_date=NAIVE)),
        ),
        (
            "a naive end",
            lambda c: c.response_exports.start(
                "SV_1", ResponseExportOptions(format="csv", end_date="2026-07-01")
            ),
        ),
        (
            "a naive date of the log",
            lambda c: c.audits.exports.start(
                AuditExportOptions(event_name="x", start_date=NAIVE, end_date=NAIVE)
            ),
        ),
        (
            "a naive date of segments",
            lambda c: c.segment_membership_exports.start("POOL_1", last_updated_date=NAIVE),
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_before_any_request(name: str, call: Callable[[Any], Any]) -> None:
    """The error is a UsageError, and nothing was sent."""
    check_refused(lambda recorder: call(client_of(recorder)))


@pytest.mark.parametrize(
    "call",
    [
        lambda c: c.audits.list(activity_type=" "),
        lambda c: c.audits.list(activity_type="users", user_id=""),
        lambda c: c.audits.list(activity_type="users", start_date=NAIVE),
        lambda c: c.contact_exports.file("POOL_1", ""),
        lambda c: c.audits.exports.file("8", " "),
        lambda c: c.response_exports.file("SV_1", "1-def", offset=-1),
    ],
)
def test_listings_and_files_refuse_at_once(call: Callable[[Any], Any]) -> None:
    """What describes a listing or a file is refused where it is written, not where it is used."""
    with pytest.raises(UsageError):
        call(client_of(Recorder()))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, {}),
        ({"offset": 0, "validator": '"a"'}, {"Accept-Encoding": "identity"}),
        ({"offset": 7}, {"Accept-Encoding": "identity", "Range": "bytes=7-"}),
        (
            {"offset": 7, "validator": '"a"'},
            {"Accept-Encoding": "identity", "Range": "bytes=7-", "If-Range": '"a"'},
        ),
    ],
)
def test_a_file_is_asked_for_from_a_byte_on(options: dict[str, Any], told: dict[str, str]) -> None:
    """The bytes are those of the disk then, and only of the file that was begun; all of it needs no range."""
    recorder = Recorder(b"PK")
    enter(group(recorder, "response_exports").file("SV_1", "1-def", **options))
    assert dict(recorder.requests[0].headers) == {"Accept": "*/*", **told}


@pytest.mark.parametrize("error", [ConnectFailed("no route"), OutcomeUnknown("cut")])
def test_a_start_that_fails_is_the_error_of_the_whole(error: Exception) -> None:
    """Nothing is polled after it."""
    recorder = Recorder(error)
    with pytest.raises(type(error)):
        enter(group(recorder, "response_exports").run("SV_1", CSV))
    assert len(recorder.requests) == 1
