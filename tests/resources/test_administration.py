"""What the operations around users, erasure and imported data do beyond building one request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from calling import check_refused
from recorder import Recorder

from qualtrics_async.errors import JobFailed, NotFound, ServerFault
from qualtrics_async.models.imported_data_projects import ImportedDataExportOptions
from qualtrics_async.models.users import UserUpdate
from qualtrics_async.resources.client_certificates import ClientCertificates
from qualtrics_async.resources.divisions import Divisions
from qualtrics_async.resources.erasure_requests import ErasureRequests
from qualtrics_async.resources.groups import GroupMembers, Groups
from qualtrics_async.resources.imported_data_projects import ImportedDataExports, ImportedDataProjects
from qualtrics_async.resources.oauth_tokens import OauthTokens
from qualtrics_async.resources.users import UserApiToken, Users

NAIVE = datetime(2026, 7, 1)  # noqa: DTZ001  (the mistake that is tested)
MAILS = ["former@example.com"]


def erase(emails: Any = MAILS, **options: Any) -> Callable[[Recorder], Any]:
    """Return an erasure with something wrong in it."""
    return lambda r: ErasureRequests(r).start(emails, **({"search_only": False, "confirm": True} | options))


REFUSED: list[tuple[str, Callable[[Recorder], Any]]] = [
    ("erase nobody", erase([])),
    ("erase nobody, in a tuple", erase(())),
    ("erase none", erase(None)),
    ("erase a blank", erase(["former@example.com", " "])),
    ("erase an empty text", erase("")),
    ("erase the letters of a text", erase("former@example.com")),
    ("erase what is no address", erase(["former@example.com", "*"])),
    ("erase a number", erase([5])),
    ("erase without saying whether", erase(search_only=None)),
    ("erase with a zero for no", erase(search_only=0)),
    ("erase unconfirmed", erase(confirm=False)),
    ("search unconfirmed", erase(search_only=True, confirm=1)),
    ("a token unconfirmed", lambda r: UserApiToken(r).create("UR_1", confirm=False)),
    ("a token of nobody", lambda r: UserApiToken(r).create(" ", confirm=True)),
    ("any OAuth token", lambda r: OauthTokens(r).delete("access", {}, confirm=True)),
    ("OAuth tokens unconfirmed", lambda r: OauthTokens(r).delete("access", {"id": "1"}, confirm=False)),
    ("no user", lambda r: Users(r).delete("")),
    (
        "a user until nobody knows",
        lambda r: Users(r).update("UR_1", UserUpdate(account_expiration_date=NAIVE)),
    ),
    ("a group without a name", lambda r: Groups(r).create(name="", type="GT_1")),
    ("a group without a type", lambda r: Groups(r).create(name="Canteen", type=" ")),
    ("nobody in a group", lambda r: GroupMembers(r).add("GR_1", "")),
    ("a division without a name", lambda r: Divisions(r).create(name=" ")),
    (
        "an empty signing request",
        lambda r: ClientCertificates(r).create("samplebrand", certificate_request=""),
    ),
    (
        "a project without a name",
        lambda r: ImportedDataProjects(r).create(name="", unique_field="id", fields=()),
    ),
    (
        "a project without a key",
        lambda r: ImportedDataProjects(r).create(name="A", unique_field="", fields=()),
    ),
    (
        "an export from nobody knows when",
        lambda r: ImportedDataExports(r).start("IDP_1", ImportedDataExportOptions(start_date=NAIVE)),
    ),
]


@pytest.mark.parametrize(("name", "call"), REFUSED, ids=[name for name, _ in REFUSED])
def test_what_cannot_be_meant_is_refused_before_any_request(
    name: str, call: Callable[[Recorder], Any]
) -> None:
    """Nothing was sent."""
    check_refused(call)


def test_addresses_are_not_in_the_message() -> None:
    """What is refused may be half of somebody's address."""
    for emails in (["jane.doe"], "jane.doe@example.com"):
        assert "jane" not in str(check_refused(erase(emails)))


def test_erasure_is_not_repeated_by_itself() -> None:
    """Nobody may erase twice because an answer got lost."""
    recorder = Recorder("erasure_started")
    asyncio.run(erase()(recorder))
    assert not recorder.request.idempotent
    assert not recorder.request.safe


def not_found() -> NotFound:
    return NotFound("no such request", status=404)


def test_erasure_is_waited_for_even_while_it_cannot_be_read() -> None:
    """A request that is not found is taken for one that is under way, as a client reports."""
    recorder = Recorder("erasure_started", not_found(), not_found(), "erasure_request")
    done = asyncio.run(ErasureRequests(recorder).run(MAILS, search_only=False, confirm=True))
    assert done.status == "completed"
    assert done.emails_not_found == ["nobody@example.com"]
    first, *polls = recorder.requests
    assert first.route.method == "POST"
    assert {request.route.path for request in polls} == {
        "/op-erase-personal-data/OP-5b0e0000-0000-4000-8000-000000000001"
    }
    assert len(polls) == 3


def test_erasure_that_fails_says_why() -> None:
    """The whole request is the detail."""
    recorder = Recorder("erasure_started", "erasure_request_failed")
    with pytest.raises(JobFailed, match="OP-5b0e") as caught:
        asyncio.run(ErasureRequests(recorder).run(MAILS, search_only=False, confirm=True))
    assert caught.value.detail.failure_reason == "could not be carried out"  # type: ignore[attr-defined]  # a request


def test_other_refusals_end_the_waiting() -> None:
    """Only what is not found may still come."""
    recorder = Recorder("erasure_started", ServerFault("broken", status=500))
    with pytest.raises(ServerFault):
        asyncio.run(ErasureRequests(recorder).run(MAILS, search_only=True, confirm=True))


def test_a_search_asks_for_what_a_search_may() -> None:
    """`run` hands everything on to `start`."""
    recorder = Recorder("erasure_started", "erasure_request")
    run = ErasureRequests(recorder).run(MAILS, search_only=True, confirm=True, export_personal_data=False)
    asyncio.run(run)
    assert recorder.requests[0].body == {
        "emails": MAILS,
        "searchOnly": True,
        "exportPersonalData": False,
    }


async def exported(recorder: Recorder) -> bytes:
    """Run an export and read its file."""
    async with ImportedDataExports(recorder).run("IDP_1", ImportedDataExportOptions(format="csv")) as file:
        return await file.read(1_000)


def test_an_export_is_run_to_its_file() -> None:
    """Started, polled until it ends, and the file of the end's id is handed out."""
    recorder = Recorder(
        "imported_data_export_started",
        "imported_data_export_running",
        "imported_data_export_finished",
        b"branch\r\nP-7\r\n",
    )
    assert asyncio.run(exported(recorder)) == b"branch\r\nP-7\r\n"
    assert [
        request.route.path.removeprefix("/imported-data-projects/IDP_1") for request in recorder.requests
    ] == [
        "/exports",
        "/exports/idp-job-0001",
        "/exports/idp-job-0001",
        "/exports/idp-file-0001/file",
    ]


@pytest.mark.parametrize(
    ("end", "told"),
    [("imported_data_export_failed", "failed"), ("imported_data_export_empty", "without a file")],
)
def test_an_export_without_a_file_has_failed(end: str, told: str) -> None:
    """Whatever its word for it."""
    recorder = Recorder("imported_data_export_started", end)
    with pytest.raises(JobFailed, match=told) as caught:
        asyncio.run(exported(recorder))
    assert caught.value.job_id == "idp-job-0001"
    assert len(recorder.requests) == 2


def test_instants_of_the_caller_s_struct_stay_as_they_are() -> None:
    """What is sent is a copy, so that a struct can be used again."""
    export = ImportedDataExportOptions(start_date="2026-07-01T14:00:00+02:00")
    recorder = Recorder("imported_data_export_started")
    asyncio.run(ImportedDataExports(recorder).start("IDP_1", export))
    assert recorder.sent["startDate"] == "2026-07-01T12:00:00Z"
    assert export.start_date == "2026-07-01T14:00:00+02:00"


def test_a_project_reads_back_as_it_was_made() -> None:
    """The answer to making a project is its schema, with the id for all else."""
    recorder = Recorder("imported_data_project")
    made = asyncio.run(ImportedDataProjects(recorder).get("IDP_1"))
    assert (made.idp_source_id, made.unique_field) == ("idp-source-0001", "branch")


def test_a_token_is_not_in_the_request() -> None:
    """Nothing of what comes back is kept in what was sent."""
    recorder = Recorder("api_token")
    token = asyncio.run(UserApiToken(recorder).get("UR_1"))
    assert token.api_token not in repr((token, recorder.request))
