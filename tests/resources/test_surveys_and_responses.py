"""What calls around surveys and responses do beyond one plain request."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from calling import check_refused, run
from recorder import Recorder

from qualtrics_async._core.uploads import FilePart, Upload
from qualtrics_async.errors import JobFailed, UsageError
from qualtrics_async.models.response_jobs import ResponseJobProgress, ResponseUpdate
from qualtrics_async.resources.response_deletions import ResponseDeletions
from qualtrics_async.resources.response_edits import ResponseEdits
from qualtrics_async.resources.response_updates import ResponseUpdates
from qualtrics_async.resources.responses import Responses
from qualtrics_async.resources.sessions import Sessions
from qualtrics_async.resources.surveys import Surveys

NAIVE = datetime(2026, 7, 1)  # noqa: DTZ001  (the mistake that is tested)
ONE = ResponseUpdate(response_id="R_1", embedded_data={"shift": "day"})
FILE = FilePart(b"%PDF-", "menu.pdf", "application/pdf")
MANY = [f"R_{number}" for number in range(250_001)]

REFUSED: list[tuple[str, Callable[[Recorder], Any]]] = [
    ("an import of nothing", lambda r: Surveys(r).import_survey(name="Lunch")),
    ("an import of two", lambda r: Surveys(r).import_survey(b"", name="Lunch", file_url="https://a.example")),
    ("an import without a name", lambda r: Surveys(r).import_survey(b"", name=" ")),
    ("an import from nowhere", lambda r: Surveys(r).import_survey(name="Lunch", file_url="")),
    ("an import of text", lambda r: Surveys(r).import_survey("{}", name="Lunch")),  # type: ignore[arg-type]  # the point
    ("a survey that opens at no instant", lambda r: Surveys(r).update("SV_1", start_date=NAIVE)),
    ("a survey of nobody", lambda r: Surveys(r).update("SV_1", owner_id="")),
    ("shared with nobody", lambda r: Surveys(r).share("SV_1", {})),
    ("shared with two", lambda r: Surveys(r).share("SV_1", {}, user_id="UR_1", recipient_id="UR_1")),
    ("shared with a blank", lambda r: Surveys(r).share("SV_1", {}, recipient_id=" ")),
    ("a session of a blank contact", lambda r: Sessions(r).start("SV_1", recipient_id="")),
    ("a session of a blank mail", lambda r: Sessions(r).start("SV_1", distribution_id=" ")),
    ("on and to the end", lambda r: Sessions(r).update("SV_1", "FS_1", advance=True, close=True)),
    ("six files", lambda r: Responses(r).create("SV_1", {}, files={f"QID{n}": FILE for n in range(6)})),
    ("a file of no question", lambda r: Responses(r).create("SV_1", {}, files={" ": FILE})),
    ("NaN beside a file", lambda r: Responses(r).create("SV_1", {"a": float("nan")}, files={"QID1": FILE})),
    ("an object beside a file", lambda r: Responses(r).create("SV_1", {"a": object()}, files={"QID1": FILE})),
    ("a response at no instant", lambda r: Responses(r).create("SV_1", {"startDate": NAIVE})),
    ("a number for text", lambda r: Responses(r).update("R_1", {"a": 1}, survey_id="SV_1")),  # type: ignore[dict-item]  # the point
    ("a name that is no text", lambda r: Responses(r).update("R_1", {1: "a"}, survey_id="SV_1")),  # type: ignore[dict-item]  # the point
    ("a response of no survey", lambda r: Responses(r).update("R_1", {}, survey_id="")),
    ("an update of nothing", lambda r: ResponseUpdates(r).start("SV_1", [])),
    ("neither updates nor a file", lambda r: ResponseUpdates(r).start("SV_1")),
    ("updates and a file", lambda r: ResponseUpdates(r).start("SV_1", [ONE], file_url="https://a.example")),
    ("updates at no address", lambda r: ResponseUpdates(r).start("SV_1", file_url=" ")),
    ("an update twice", lambda r: ResponseUpdates(r).start("SV_1", [ONE, ONE])),
    ("a deletion of nothing", lambda r: ResponseDeletions(r).start("SV_1", [], confirm=True)),
    ("a deletion of a text", lambda r: ResponseDeletions(r).start("SV_1", "R_1", confirm=True)),
    ("a deletion twice", lambda r: ResponseDeletions(r).start("SV_1", ["R_1", "R_1"], confirm=True)),
    ("a deletion of a blank", lambda r: ResponseDeletions(r).start("SV_1", ["R_1", ""], confirm=True)),
    ("too many deletions", lambda r: ResponseDeletions(r).start("SV_1", MANY, confirm=True)),
    ("a deletion without consent", lambda r: ResponseDeletions(r).run("SV_1", ["R_1"], confirm=False)),
]


@pytest.mark.parametrize(("name", "call"), REFUSED, ids=[name for name, _ in REFUSED])
def test_what_cannot_be_meant_is_refused_before_any_request(
    name: str, call: Callable[[Recorder], Any]
) -> None:
    check_refused(call)


def test_as_many_responses_as_a_job_takes_are_no_mistake() -> None:
    recorder = Recorder("response_job_started")
    asyncio.run(ResponseDeletions(recorder).start("SV_1", MANY[1:], confirm=True))
    assert len(recorder.sent["deletes"]) == 250_000


def parts(recorder: Recorder) -> dict[str, tuple[str, bytes]]:
    """The parts of the form that was sent: heads and contents by name."""
    upload = recorder.request.body
    assert isinstance(upload, Upload)
    boundary = upload.content_type.partition("boundary=")[2]
    pieces = [piece.partition(b"\r\n\r\n") for piece in recorder.sent.split(f"--{boundary}".encode())[1:-1]]
    return {
        head.partition(b'name="')[2].partition(b'"')[0].decode(): (
            head.decode(),
            content.removesuffix(b"\r\n"),
        )
        for head, _, content in pieces
    }


def test_a_file_becomes_a_survey() -> None:
    """The name is a part of its own, and the type of the file is that of QSF files."""
    recorder = Recorder("survey_imported")
    imported = asyncio.run(Surveys(recorder).import_survey(b'{"SurveyEntry": {}}', name="Lunch"))
    sent = parts(recorder)
    assert (imported.id, imported.name) == ("SV_9tEsTiMpOrT001", "Canteen, imported")
    assert (recorder.request.route.key, recorder.request.idempotent) == ("POST /surveys", False)
    assert {name: content for name, (_, content) in sent.items()} == {
        "name": b"Lunch",
        "file": b'{"SurveyEntry": {}}',
    }
    assert 'filename="survey.qsf"' in sent["file"][0]
    assert "Content-Type: application/vnd.qualtrics.survey.qsf" in sent["file"][0]


def test_a_file_of_another_kind_says_so() -> None:
    recorder = Recorder("survey_imported")
    kind = "application/vnd.qualtrics.survey.txt"
    surveys = Surveys(recorder)
    asyncio.run(surveys.import_survey(b"1. Why?", name="Lunch", content_type=kind, filename="lunch.txt"))
    head, _ = parts(recorder)["file"]
    assert f"Content-Type: {kind}" in head
    assert 'filename="lunch.txt"' in head


def test_a_file_at_an_address_becomes_a_survey() -> None:
    """The address and the type are texts of the form."""
    recorder = Recorder("survey_imported")
    asyncio.run(Surveys(recorder).import_survey(name="Lunch", file_url="https://files.example.com/l.qsf"))
    assert {name: content for name, (_, content) in parts(recorder).items()} == {
        "name": b"Lunch",
        "contentType": b"application/vnd.qualtrics.survey.qsf",
        "fileUrl": b"https://files.example.com/l.qsf",
    }


def test_files_go_with_a_response() -> None:
    """Each file has a number, and the mapping says which question it belongs to; files are not read."""
    recorder = Recorder("response_created")
    photo = FilePart(Path("photo.png"), "photo.png", "image/png")
    files = {"QID9": FILE, "QID10": photo}
    created = asyncio.run(Responses(recorder).create("SV_1", {"QID8": 1}, files=files))
    sent = parts(recorder)
    assert created.response_id == "R_8rEsPoNsE000003"
    assert json.loads(sent["response"][1]) == {"values": {"QID8": 1}}
    assert json.loads(sent["fileMapping"][1]) == {"file1": "QID9", "file2": "QID10"}
    assert "Content-Type: application/json" in sent["response"][0]
    assert "Content-Type: application/json" in sent["fileMapping"][0]
    assert 'name="file1"; filename="menu.pdf"\r\nContent-Type: application/pdf' in sent["file1"][0]
    assert sent["file1"][1] == b"%PDF-"
    assert recorder.request.body.pieces[-3][0] == Path("photo.png")  # type: ignore[attr-defined]  # an Upload


def test_instants_of_a_response_are_whole_seconds_in_utc() -> None:
    """With a file beside it or without; some endpoints refuse fractions, and none takes an offset."""
    noon = datetime(2026, 7, 1, 14, 0, 0, 5, tzinfo=timezone(timedelta(hours=2)))
    plain, form = Recorder("response_created"), Recorder("response_created")
    for recorder, files in ((plain, None), (form, {"QID9": FILE})):
        asyncio.run(Responses(recorder).create("SV_1", {"startDate": noon, "QID8": 1}, files=files))
    expected = {"values": {"startDate": "2026-07-01T12:00:00Z", "QID8": 1}}
    assert plain.request.body == expected
    assert json.loads(parts(form)["response"][1]) == expected


@pytest.mark.parametrize("content", [b"%PDF-", Path("photo.png"), "photo.png"], ids=["bytes", "path", "text"])
def test_a_file_of_a_response_says_its_name(content: Any) -> None:
    """Bytes would be taken for JSON of ours."""
    with pytest.raises(UsageError, match=r"FilePart\(content, filename\)"):
        asyncio.run(Responses(Recorder("nothing")).create("SV_1", {}, files={"QID9": content}))


@pytest.mark.parametrize(("reset", "repeatable"), [(None, False), (True, False), (False, True)])
def test_only_an_update_that_keeps_the_date_may_be_repeated(reset: bool | None, repeatable: bool) -> None:
    recorder = Recorder("nothing")
    asyncio.run(Responses(recorder).update("R_1", {}, survey_id="SV_1", reset_recorded_date=reset))
    assert recorder.request.idempotent == repeatable


RUNS: list[tuple[str, str, str, Callable[[Recorder], Any]]] = [
    ("update", "POST /update-responses", "update-responses", lambda r: ResponseUpdates(r).run("SV_1", [ONE])),
    (
        "delete",
        "POST /delete-responses",
        "delete-responses",
        lambda r: ResponseDeletions(r).run("SV_1", ["R_1"], confirm=True),
    ),
    (
        "edit",
        "PATCH /responses",
        "responses-edit-progresses",
        lambda r: ResponseEdits(r).run("SV_1", {"a": 1}),
    ),
]
each_run = pytest.mark.parametrize(
    ("begun", "polled", "call"), [run[1:] for run in RUNS], ids=[run[0] for run in RUNS]
)


@each_run
def test_a_run_starts_and_waits(begun: str, polled: str, call: Callable[[Recorder], Any]) -> None:
    recorder = Recorder(
        "response_job_started", "response_job_queued", "response_job_running", "response_job_finished"
    )
    progress = asyncio.run(run(call(recorder)))
    method, _, path = begun.partition(" ")
    assert [(request.route.method, request.route.path) for request in recorder.requests] == [
        (method, f"/surveys/SV_1{path}"),
        *[("GET", f"/surveys/SV_1/{polled}/PR-7a3e-0001")] * 3,
    ]
    assert (progress.status, progress.warning_count) == ("complete", 1)


@each_run
def test_a_run_that_fails_raises(begun: str, polled: str, call: Callable[[Recorder], Any]) -> None:
    recorder = Recorder("response_job_started", "response_job_failed")
    with pytest.raises(JobFailed, match="PR-7a3e-0001") as caught:
        asyncio.run(run(call(recorder)))
    assert isinstance(caught.value.detail, ResponseJobProgress)
    assert caught.value.detail.errors == ["R_8rEsPoNsE000001 is locked"]


def test_a_run_hands_on_all_that_start_takes() -> None:
    updates = Recorder("response_job_started", "response_job_finished")
    deletions = Recorder("response_job_started", "response_job_finished")
    run = ResponseUpdates(updates).run
    asyncio.run(run("SV_1", file_url="https://a.example", remove_edits=True, ignore_missing_responses=False))
    delete = ResponseDeletions(deletions).run
    asyncio.run(delete("SV_1", ["R_1"], confirm=True, decrement_quotas=False, ignore_missing_responses=True))
    assert updates.requests[0].body == {
        "fileUrl": "https://a.example",
        "removeEdits": True,
        "ignoreMissingResponses": False,
    }
    assert deletions.requests[0].body == {
        "deletes": [{"responseId": "R_1", "decrementQuotas": False}],
        "ignoreMissingResponses": True,
    }
