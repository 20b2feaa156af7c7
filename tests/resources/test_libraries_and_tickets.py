"""What operations of libraries, tickets and automations do beyond building one request."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from calling import check_refused
from recorder import Recorder

from qualtrics_async._core.uploads import Upload
from qualtrics_async.models.automations import AutomationFileCreated
from qualtrics_async.models.tickets import TicketUpdate
from qualtrics_async.resources.automations import Automations
from qualtrics_async.resources.libraries import Libraries
from qualtrics_async.resources.tickets import Tickets


def form(recorder: Recorder) -> bytes:
    """The form of the only request, with a boundary of our own."""
    upload = recorder.request.body
    assert isinstance(upload, Upload)
    boundary = upload.content_type.removeprefix("multipart/form-data; boundary=")
    sent: bytes = recorder.sent
    return sent.replace(boundary.encode(), b"limit")


def framed(*parts: bytes) -> bytes:
    """A form, written by hand."""
    head = b"--limit\r\nContent-Disposition: form-data; "
    return b"".join(head + part + b"\r\n" for part in parts) + b"--limit--\r\n"


GRAPHICS: list[tuple[dict[str, Any], bytes]] = [
    (
        {"file": b"GIF89a", "name": "logo.gif"},
        framed(b'name="file"; filename="logo.gif"\r\nContent-Type: image/gif\r\n\r\nGIF89a'),
    ),
    (
        {"file": b"GIF89a", "name": "logo", "content_type": "image/gif", "folder": "Café"},
        framed(
            'name="folder"\r\n\r\nCafé'.encode(),
            b'name="file"; filename="logo"\r\nContent-Type: image/gif\r\n\r\nGIF89a',
        ),
    ),
    (
        {"file_url": "https://example.com/logo.JPG"},
        framed(
            b'name="fileUrl"\r\n\r\nhttps://example.com/logo.JPG', b'name="contentType"\r\n\r\nimage/jpeg'
        ),
    ),
    (
        {
            "file_url": "https://example.com/?id=1",
            "content_type": "image/png",
            "name": "logo",
            "folder": "North",
        },
        framed(
            b'name="folder"\r\n\r\nNorth',
            b'name="fileUrl"\r\n\r\nhttps://example.com/?id=1',
            b'name="contentType"\r\n\r\nimage/png',
            b'name="name"\r\n\r\nlogo',
        ),
    ),
]


@pytest.mark.parametrize(("options", "body"), GRAPHICS)
def test_a_graphic_is_a_form(options: dict[str, Any], body: bytes) -> None:
    """Either the file or where the service finds it, with a type; no part for what is not given."""
    recorder = Recorder("library_graphic_created")
    created = asyncio.run(Libraries(recorder).graphics.upload("UR_1", **options))
    assert created.id == "IM_6lOgOfOrLuNcH1"
    request = recorder.request
    assert (request.route.method, request.route.path) == ("POST", "/libraries/UR_1/graphics")
    assert form(recorder) == body
    assert not request.idempotent


@pytest.mark.parametrize("ending", ["png", "gif", "jpg", "jpeg", "PNG"])
def test_the_type_of_a_graphic_is_told_by_its_ending(ending: str, tmp_path: Path) -> None:
    """The three types that the service takes, by the names that files of them have."""
    path = tmp_path / f"logo.{ending}"
    recorder = Recorder("library_graphic_created")
    asyncio.run(Libraries(recorder).graphics.upload("UR_1", file=path))
    kind = ending.lower().replace("jpg", "jpeg")
    assert f'filename="logo.{ending}"\r\nContent-Type: image/{kind}\r\n'.encode() in form(recorder)
    body = recorder.request.body
    assert isinstance(body, Upload)
    assert (path, 0) in body.pieces


def test_a_file_of_an_automation_is_a_form() -> None:
    """One part, under the name of the file."""
    recorder = Recorder("automation_file_created")
    content = b'a,"b"\r\n'
    created = asyncio.run(Automations(recorder).files.create("AU_1", content, filename="rows.csv"))
    assert created == AutomationFileCreated(id="AFL_5cOnTaCtS00001")
    request = recorder.request
    assert (request.route.method, request.route.path) == ("POST", "/automations/AU_1/files")
    assert request.route.base == "/automations-file-service"
    assert not request.idempotent
    assert form(recorder) == framed(
        b'name="file"; filename="rows.csv"\r\nContent-Type: application/octet-stream\r\n\r\n' + content
    )


def test_a_file_of_an_automation_is_named_after_itself(tmp_path: Path) -> None:
    """A path has a name; another one, and a type, may be given."""
    recorder = Recorder("automation_file_created")
    asyncio.run(Automations(recorder).files.create("AU_1", tmp_path / "rows.csv"))
    assert b'filename="rows.csv"' in form(recorder)
    recorder = Recorder("automation_file_created")
    create = Automations(recorder).files.create
    asyncio.run(create("AU_1", tmp_path / "rows.csv", filename="today.csv", content_type="text/csv"))
    assert b'filename="today.csv"\r\nContent-Type: text/csv\r\n' in form(recorder)


def test_an_overwritten_file_is_told_with_the_result() -> None:
    """The warning that the service puts beside the result is part of what comes back."""
    recorder = Recorder("automation_file_overwritten")
    created = asyncio.run(Automations(recorder).files.create("AU_1", b"", filename="rows.csv"))
    assert created.id == "AFL_5cOnTaCtS00001"
    assert created.warning is not None
    assert created.warning.warning_code == "PLACEHOLDER_OVERWRITTEN"


def test_automations_live_beside_the_api() -> None:
    """Every operation of theirs has the other base path."""
    recorder = Recorder(
        "automations", "automation_files", "automation_file_created", "automation_file", "nothing", b""
    )
    automations = Automations(recorder)

    async def ask() -> None:
        await automations.list().first_page()
        await automations.files.list("AU_1").first_page()
        await automations.files.create("AU_1", b"", filename="rows.csv")
        await automations.files.get("AU_1", "AFL_1")
        await automations.files.delete("AU_1", "AFL_1")
        async with automations.files.content("AU_1", "AFL_1"):
            pass

    asyncio.run(ask())
    assert [request.route.base for request in recorder.requests] == ["/automations-file-service"] * 6


@pytest.mark.parametrize(
    ("change", "repeated"),
    [
        (TicketUpdate(status=2), True),
        (TicketUpdate(name="Cold soup", owner_id="UR_1"), True),
        (TicketUpdate(comment="Heated"), False),
        (TicketUpdate(comment="Heated", status=2), False),
    ],
)
def test_a_comment_is_never_sent_twice(change: TicketUpdate, repeated: bool) -> None:
    """A status that is set twice is the same status; a comment that is sent twice is two comments."""
    recorder = Recorder("nothing")
    asyncio.run(Tickets(recorder).update("TICKET-7", change))
    assert recorder.request.idempotent is repeated


def test_statuses_and_causes_are_lists() -> None:
    """They have no pages, so they come at once."""
    statuses = asyncio.run(Tickets(Recorder("ticket_statuses")).statuses.get())
    assert [(status.id, status.transitions) for status in statuses] == [(1, [2, 3]), (2, [3]), (3, None)]
    causes = asyncio.run(Tickets(Recorder("ticket_root_causes")).root_causes("TICKET-7"))
    assert [cause.name for cause in causes] == ["Broken stove"]


def test_a_search_pages_by_address_with_its_body() -> None:
    """The next page is the address that the server named, asked with the same search."""
    recorder = Recorder("tickets", "tickets")
    search = Tickets(recorder).search({"status": 1})
    asyncio.run(search.resume("https://fra1.qualtrics.com/API/v3/tickets/search?offset=100").first_page())
    assert recorder.request.url == "https://fra1.qualtrics.com/API/v3/tickets/search?offset=100"
    assert recorder.sent == {"status": 1}
    assert recorder.request.idempotent


EMPTY: Mapping[str, Any] = {}
REFUSED: dict[str, Callable[[Recorder], Any]] = {
    "graphic without a source": lambda r: Libraries(r).graphics.upload("UR_1", name="logo.png"),
    "graphic of two sources": lambda r: Libraries(r).graphics.upload(
        "UR_1", file=b"", file_url="https://example.com/logo.png", name="logo.png"
    ),
    "graphic without a name": lambda r: Libraries(r).graphics.upload("UR_1", file=b""),
    "graphic of no type": lambda r: Libraries(r).graphics.upload("UR_1", file=b"", name="logo"),
    "graphic of another type": lambda r: Libraries(r).graphics.upload("UR_1", file=b"", name="logo.svg"),
    "graphic at no address": lambda r: Libraries(r).graphics.upload("UR_1", file_url=" "),
    "graphic at an address without ending": lambda r: Libraries(r).graphics.upload(
        "UR_1", file_url="https://example.com/logo.png?size=2"
    ),
    "graphic from a stream": lambda r: Libraries(r).graphics.upload(
        "UR_1",
        file=io.StringIO(),  # type: ignore[arg-type]  # the point
        name="logo.png",
    ),
    "file without a name": lambda r: Automations(r).files.create("AU_1", b""),
    "file of a blank automation": lambda r: Automations(r).files.create(" ", b"", filename="a.csv"),
    "no statuses": lambda r: Tickets(r).statuses.update(EMPTY),
    "no additional data": lambda r: Tickets(r).update_additional_data("TICKET-7", EMPTY),
    "no ticket": lambda r: Tickets(r).delete(""),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_meant_is_refused_before_any_request(name: str) -> None:
    """The error is a UsageError, and nothing was sent."""
    check_refused(REFUSED[name])
