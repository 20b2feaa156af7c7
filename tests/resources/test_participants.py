"""What participants need beyond one request: pages, files that go out, whole jobs, refusals."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from calling import check_refused
from recorder import Recorder, uploaded

from qualtrics_async._core.uploads import Upload
from qualtrics_async.errors import JobFailed, UsageError
from qualtrics_async.models.participants import ParticipantImportRow
from qualtrics_async.resources.directory_participants import DirectoryParticipants
from qualtrics_async.resources.project_participants import ProjectParticipants

CSV = b"Unique Identifier,FirstName,LastName,Email,Username\r\nE-1001,Noor,Haddad,noor@example.com,noor\r\n"
ROWS = [ParticipantImportRow(unique_identifier="E-1", first_name="Noor", last_name="Haddad", email=None)]
NOBODY: list[Any] = [[], (), None, "", "E-1001", b"E-1001", [""], ["E-1001", " "], [None], [7], {"E-1001"}]

each_family = pytest.mark.parametrize("kind", [DirectoryParticipants, ProjectParticipants])


@each_family
@pytest.mark.parametrize(
    ("verb", "place"),
    [("list", "body"), ("list_by_get", "query")],
)
def test_the_token_goes_where_the_search_is(kind: Any, verb: str, place: str) -> None:
    """With POST it goes into the body beside what is looked for, with GET into the query."""
    recorder = Recorder("participants_page1", "participants_page2")

    async def walk() -> list[str]:
        listing = getattr(kind(recorder), verb)("EX_1", unique_identifier="E-1", page_size=2)
        return [participant.unique_identifier for participant in await listing.collect()]

    if verb == "list":
        found = asyncio.run(walk())
    else:
        with pytest.warns(DeprecationWarning, match="list$"):
            found = asyncio.run(walk())
    assert found == ["E-1001", "E-1002", "E-1003"]
    wanted = {"uniqueIdentifier": "E-1"}
    first, second = recorder.requests
    if place == "body":
        assert [first.body, second.body] == [wanted, wanted | {"skipToken": "Mg=="}]
        assert first.query == second.query == (("pageSize", "2"),)
    else:
        assert dict(first.query) == wanted | {"pageSize": "2"}
        assert dict(second.query) == wanted | {"pageSize": "2", "skipToken": "Mg=="}


@each_family
@pytest.mark.parametrize("source", [CSV, BytesIO(CSV)], ids=["bytes", "file"])
def test_a_csv_file_goes_as_a_form(kind: Any, source: Any) -> None:
    """Its part is called `file`, as the vendor documents."""
    recorder = Recorder("participant_job_started")
    asyncio.run(kind(recorder).imports.start("EX_1", source))
    body = recorder.request.body
    assert isinstance(body, Upload)
    assert body.content_type.startswith("multipart/form-data; boundary=")
    head = uploaded(body).split(b"\r\n\r\n")[0]
    assert b'name="file"; filename="participants.csv"' in head
    assert b"Content-Type: text/csv" in head
    assert source in [piece for piece, _ in body.pieces]


@each_family
@pytest.mark.parametrize("rows", ["participants.csv", None, 7])
def test_what_is_neither_rows_nor_a_file_is_not_imported(kind: Any, rows: Any) -> None:
    """The name of a file as text is no path, and its characters are no rows."""
    check_refused(lambda recorder: kind(recorder).imports.start("EX_1", rows))


DELETING: list[Callable[[Recorder, Any], Any]] = [
    lambda r, who: DirectoryParticipants(r).deletions.start("ex", who, confirm=True),
    lambda r, who: DirectoryParticipants(r).deletions.run("ex", who, confirm=True),
    lambda r, who: ProjectParticipants(r).deletions.start("EX_1", who, confirm=True),
    lambda r, who: ProjectParticipants(r).deletions.run("EX_1", who, confirm=True),
    lambda r, who: ProjectParticipants(r).copies.start("EX_1", who),
    lambda r, who: ProjectParticipants(r).copies.run("EX_1", who),
]


@pytest.mark.parametrize("call", DELETING)
@pytest.mark.parametrize("who", NOBODY, ids=repr)
def test_nobody_never_means_everybody(call: Callable[[Recorder, Any], Any], who: Any) -> None:
    """An empty list, a blank, a lone text and what is no list are refused before any request."""
    assert "unique_identifiers" in str(check_refused(lambda recorder: call(recorder, who)))


@each_family
def test_running_a_deletion_needs_consent_too(kind: Any) -> None:
    """Anything but `True` is refused, and the argument cannot be left out."""
    recorder = Recorder()
    for confirm in (False, None, 1, "yes"):
        with pytest.raises(UsageError, match="confirm=True"):
            asyncio.run(kind(recorder).deletions.run("EX_1", ["E-1001"], confirm=confirm))
    with pytest.raises(TypeError, match="confirm"):
        kind(recorder).deletions.run("EX_1", ["E-1001"])
    assert recorder.requests == []


@pytest.mark.parametrize("blank", ["", " "])
@each_family
def test_a_blank_identifier_does_not_list_everybody(kind: Any, blank: str) -> None:
    """Who looks for nobody made a mistake."""
    with pytest.raises(UsageError, match="unique_identifier"):
        kind(Recorder()).list("EX_1", unique_identifier=blank)


RUNNING: list[tuple[str, Callable[[Recorder], Any]]] = [
    (
        "/employee-directories/ex/import-participants",
        lambda r: DirectoryParticipants(r).imports.run("ex", ROWS),
    ),
    (
        "/employee-directories/ex/delete-participants",
        lambda r: DirectoryParticipants(r).deletions.run("ex", ["E-1001"], confirm=True),
    ),
    ("/ex-projects/EX_1/import-participants", lambda r: ProjectParticipants(r).imports.run("EX_1", ROWS)),
    ("/ex-projects/EX_1/copy-participants", lambda r: ProjectParticipants(r).copies.run("EX_1", ["E-1001"])),
    (
        "/ex-projects/EX_1/delete-participants",
        lambda r: ProjectParticipants(r).deletions.run("EX_1", ["E-1001"], confirm=True),
    ),
]
EXPORTING: list[tuple[str, Callable[[Recorder], Any]]] = [
    ("/employee-directories/ex/export-participants", lambda r: DirectoryParticipants(r).exports.run("ex")),
    ("/ex-projects/EX_1/export-participants", lambda r: ProjectParticipants(r).exports.run("EX_1")),
]


@pytest.mark.parametrize(("path", "call"), RUNNING, ids=[path for path, _ in RUNNING])
def test_a_job_runs_from_start_to_result(path: str, call: Callable[[Recorder], Any]) -> None:
    """Started once, polled until the end, and the result asked for by the id that the progress names."""
    recorder = Recorder(
        "participant_job_started",
        "participant_job_running",
        "participant_job_finished",
        "participant_job_result",
    )
    result = asyncio.run(call(recorder))
    assert (result.successful_count, result.failed_count) == (2, 1)
    assert [(request.route.method, request.route.path) for request in recorder.requests] == [
        ("POST", path),
        ("GET", f"{path}/JOB_7pArTiCiPaNt01"),
        ("GET", f"{path}/JOB_7pArTiCiPaNt01"),
        ("GET", f"{path}/results/RES_7pArTiCiPaNt01"),
    ]


@pytest.mark.parametrize(("path", "call"), EXPORTING, ids=[path for path, _ in EXPORTING])
def test_an_export_runs_from_start_to_file(path: str, call: Callable[[Recorder], Any]) -> None:
    """The file is handed out while the context lasts."""
    recorder = Recorder("participant_job_started", "participant_job_finished", CSV)

    async def export() -> bytes:
        async with call(recorder) as file:
            return await file.read(1_000)  # type: ignore[no-any-return]  # the call is any family's

    assert asyncio.run(export()) == CSV
    assert recorder.requests[-1].route.path == f"{path}/results/RES_7pArTiCiPaNt01/file"


async def _whole(made: Any) -> None:
    """Await a job, or enter an export."""
    if hasattr(made, "__aenter__"):
        async with made:
            return
    await made


@pytest.mark.parametrize("answer", ["participant_job_failed", "participant_job_without_result"])
@pytest.mark.parametrize(("path", "call"), RUNNING + EXPORTING, ids=[path for path, _ in RUNNING + EXPORTING])
def test_a_job_that_leaves_nothing_has_failed(
    path: str, call: Callable[[Recorder], Any], answer: str
) -> None:
    """Whether it says so or only names no result; nothing more is asked."""
    recorder = Recorder("participant_job_started", answer)
    with pytest.raises(JobFailed) as caught:
        asyncio.run(_whole(call(recorder)))
    assert caught.value.job_id == "JOB_7pArTiCiPaNt01"
    assert len(recorder.requests) == 2
