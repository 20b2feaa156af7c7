"""What the sandbox refuses around libraries, tickets and files of automations, without the client."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
from speaking import Caller, asynchronous, speaking

MESSAGE = {"description": "Lunch", "category": "invite", "messages": {"en": "Lunch?"}}
STATUS = {"id": 1, "name": "Open", "transitions": [2]}
MESSAGES = "/libraries/{library}/messages"
REFUSED: list[tuple[str, str, Any, str]] = [
    ("POST", MESSAGES, MESSAGE | {"text": "Lunch?"}, "RP_9"),
    ("POST", MESSAGES, {"description": "Lunch", "category": "invite"}, "RP_10"),
    ("POST", MESSAGES, MESSAGE | {"description": 5}, "PLACEHOLDER_400"),
    ("POST", MESSAGES, MESSAGE | {"category": "advert"}, "PLACEHOLDER_400"),
    ("POST", MESSAGES, MESSAGE | {"messages": {}}, "PLACEHOLDER_400"),
    ("POST", MESSAGES, MESSAGE | {"messages": []}, "PLACEHOLDER_400"),
    ("POST", MESSAGES, MESSAGE | {"messages": {"en": None}}, "PLACEHOLDER_400"),
    ("POST", "/libraries/UR_nowhere/messages", MESSAGE, "PLACEHOLDER_404"),
    ("PUT", MESSAGES + "/{message}", {}, "PLACEHOLDER_400"),
    ("PUT", MESSAGES + "/{message}", {"id": "MS_1"}, "RP_9"),
    ("PUT", MESSAGES + "/{message}", {"messages": {}}, "PLACEHOLDER_400"),
    ("PUT", MESSAGES + "/MS_nowhere", {"description": "Lunch"}, "PLACEHOLDER_404"),
    ("POST", "/libraries/{library}/graphics", {"file": "x"}, "PLACEHOLDER_415"),
    ("PUT", "/tickets/{ticket}", {}, "PLACEHOLDER_400"),
    ("PUT", "/tickets/{ticket}", {"key": "TICKET-8"}, "RP_9"),
    ("PUT", "/tickets/{ticket}", {"ownerId": None}, "PLACEHOLDER_400"),
    ("PUT", "/tickets/{ticket}", {"priority": "2"}, "PLACEHOLDER_400"),
    ("PUT", "/tickets/{ticket}", {"status": True}, "PLACEHOLDER_400"),
    ("PUT", "/tickets/{ticket}", {"status": 99}, "PLACEHOLDER_400"),
    ("PUT", "/tickets/nowhere", {"status": 1}, "PLACEHOLDER_404"),
    ("PUT", "/tickets/nowhere/ticketAdditionalData", {"a": 1}, "PLACEHOLDER_404"),
    ("POST", "/tickets/search", {"colour": "red"}, "RP_9"),
    ("PUT", "/tickets/statuses", {}, "RP_10"),
    ("PUT", "/tickets/statuses", {"statuses": [STATUS]}, "RP_9"),
    ("PUT", "/tickets/statuses", {"elements": []}, "PLACEHOLDER_400"),
    ("PUT", "/tickets/statuses", {"elements": {}}, "PLACEHOLDER_400"),
    ("PUT", "/tickets/statuses", {"elements": ["Open"]}, "PLACEHOLDER_400"),
    ("PUT", "/tickets/statuses", {"elements": [{"name": "Open"}]}, "RP_10"),
    ("PUT", "/tickets/statuses", {"elements": [STATUS | {"id": "1"}]}, "PLACEHOLDER_400"),
    ("PUT", "/tickets/statuses", {"elements": [STATUS | {"transitions": ["2"]}]}, "PLACEHOLDER_400"),
    ("PUT", "/tickets/statuses", {"elements": [STATUS | {"transitions": 2}]}, "PLACEHOLDER_400"),
]


@pytest.mark.parametrize(("method", "path", "body", "code"), REFUSED)
@asynchronous
async def test_what_is_wrong_is_refused_and_changes_nothing(
    method: str, path: str, body: Any, code: str
) -> None:
    """Unknown keys, missing keys, wrong types, unknown objects."""
    async with speaking() as call:
        state = call.sandbox.state
        ids = {
            "library": state.user_id,
            "message": state.add_library_message("Lunch", "Lunch?"),
            "ticket": state.add_ticket("Cold soup"),
        }
        nouns = ("message", "graphic", "ticket", "ticket event", "ticket statuses", "ticket additional data")
        before = {noun: [dict(record) for record in state.shelf(noun)] for noun in nouns}
        answer = await call(method, path.format(**ids), body)
        assert (answer.status, answer.code) == (int(code[-3:]) if "HOLDER" in code else 400, code)
        assert {noun: list(state.shelf(noun)) for noun in nouns} == before


async def upload(call: Caller, path: str, *parts: tuple[str, bytes, str | None, str | None]) -> Any:
    """Send a form that aiohttp writes: name, content, filename and type of each part."""
    form = aiohttp.FormData(quote_fields=False, default_to_multipart=True)
    for name, content, filename, content_type in parts:
        value = content.decode() if filename is None else content
        form.add_field(name, value, filename=filename, content_type=content_type)
    url = path if path.startswith("http") else call.sandbox.base_url + path
    async with call.session.post(url, data=form) as response:
        return response.status, await response.json()


FORMS: list[tuple[int, tuple[tuple[str, bytes, str | None, str | None], ...]]] = [
    (200, (("file", b"GIF89a", "Café ☕.gif", "image/gif"),)),
    (200, (("fileUrl", b"https://example.com/a.png", None, None), ("contentType", b"image/png", None, None))),
    (400, ()),
    (400, (("folder", b"North", None, None),)),
    (400, (("file", b"GIF89a", "a.gif", "image/gif"), ("fileUrl", b"https://example.com/a.gif", None, None))),
    (400, (("file", b"GIF89a", "a.gif", "image/gif"), ("colour", b"red", None, None))),
    (415, (("file", b"GIF89a", "a.gif", "application/octet-stream"),)),
    (415, (("fileUrl", b"https://example.com/a.png", None, None),)),
]


@pytest.mark.parametrize(("status", "parts"), FORMS)
@asynchronous
async def test_graphics_come_as_a_form(status: int, parts: Any) -> None:
    """One of `file` and `fileUrl`, of a type that is taken, and no other part."""
    async with speaking() as call:
        state = call.sandbox.state
        path = f"/libraries/{state.user_id}/graphics"
        answered, body = await upload(call, path, *parts)
        assert answered == status, body
        kept = list(state.shelf("graphic"))
        assert [graphic["id"] for graphic in kept] == ([body["result"]["id"]] if status == 200 else [])
        if parts and parts[0][2] and kept:
            assert kept[0]["name"] == parts[0][2]


@pytest.mark.parametrize("payload", [b"", b"--limit", b"--limit\r\n\r\n--limit--", b"\xff" * 50])
@asynchronous
async def test_a_form_that_cannot_be_read_is_refused(payload: bytes) -> None:
    """It breaks nothing."""
    async with speaking() as call:
        url = f"{call.sandbox.base_url}/libraries/{call.sandbox.state.user_id}/graphics"
        headers = {"Content-Type": "multipart/form-data; boundary=limit"}
        async with call.session.post(url, data=payload, headers=headers) as response:
            assert response.status in {400, 413}


@asynchronous
async def test_an_overwritten_file_is_warned_of_beside_the_result() -> None:
    """In `meta`, with everything else that is there; under the other base path."""
    async with speaking() as call:
        automation = call.sandbox.state.add_automation("Nightly load")
        path = f"{call.sandbox.origin}/automations-file-service/automations/{automation}/files"
        part = ("file", b"a,b\n", "rows.csv", "text/csv")
        status, first = await upload(call, path, part)
        assert status == 200
        assert first["meta"].keys() == {"httpStatus", "requestId"}
        status, second = await upload(call, path, part)
        assert second["result"] == first["result"]
        assert second["meta"].keys() == {"httpStatus", "requestId", "warning"}
        assert second["meta"]["warning"].keys() == {"warningCode", "warningMessage"}
        status, refusal = await upload(call, path, ("data", b"", "rows.csv", "text/csv"))
        assert (status, refusal["meta"]["error"]["errorCode"]) == (400, "RP_9")
        status, _ = await upload(call, path, ("file", b"", None, "text/csv"))
        assert status == 400
