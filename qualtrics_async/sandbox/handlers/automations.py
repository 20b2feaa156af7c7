"""The automations file service, beside the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qualtrics_async.sandbox.routing import Routes
from qualtrics_async.sandbox.state import iso
from qualtrics_async.sandbox.wire import File, Refused, check_keys, result

if TYPE_CHECKING:
    from qualtrics_async.sandbox.wire import Body, Call

__all__ = ["routes"]

routes = Routes()

_BASE = "/automations-file-service"
_FILES = "/automations/{automationId}/files"
_TAGS = (None, "processing", "archived")


@routes("GET", "/automations", "assumed", base=_BASE)
def list_automations(call: Call) -> Body:
    """Assumed keys; pages by offset are documented."""
    return call.page(list(call.state.shelf("automation")), dict, cursor="offset")


@routes("GET", _FILES, "assumed", base=_BASE, per_minute=100)
def list_files(call: Call) -> Body:
    """Assumed keys; that the new ones come without a tag, the others by theirs, is documented.

    A test that plays the automation sets `tag` in the records of the shelf `automation file`.
    """
    tag = call.query.get("tag")
    if tag not in _TAGS:
        raise Refused(400, "PLACEHOLDER_400", "tag must be processing or archived.")
    files = [file for file in _files(call) if file["tag"] == tag]
    return call.page(files, _element, cursor="offset")


@routes("POST", _FILES, "documented", base=_BASE)
def create_file(call: Call) -> Body:
    """Documented, the warning about an overwritten file too; that it keeps its id is assumed."""
    parts = call.form()
    check_keys(parts, ("file",), ("file",))
    part, state = parts["file"], call.state
    if not part.filename:
        raise Refused(400, "PLACEHOLDER_400", "A file has a name.")
    before = [file for file in _files(call) if file["name"] == part.filename and file["tag"] is None]
    file_id = before[0]["id"] if before else state.new_id("AFL_")
    record = {
        "id": file_id,
        "name": part.filename,
        "tag": None,
        "creationDate": iso(state.now()),
        "content": part.content,
    }
    state.shelf("automation file").put(call.ids[0], file_id, record=record)
    if not before:
        return result({"id": file_id})
    warning = {
        "warningCode": "PLACEHOLDER_OVERWRITTEN",
        "warningMessage": "Placeholder text: a file of that name was overwritten.",
    }
    return result({"id": file_id}) | {"meta": {"warning": warning}}


@routes("GET", _FILES + "/{fileId}", "assumed", base=_BASE)
def get_file(call: Call) -> Body:
    """Assumed keys."""
    return result(_element(_file(call)))


@routes("DELETE", _FILES + "/{fileId}", "documented", base=_BASE)
def delete_file(call: Call) -> Body:
    """Documented: answers meta only."""
    call.state.shelf("automation file").remove(*call.ids)
    return {}


@routes("GET", _FILES + "/{fileId}/content", "documented", base=_BASE)
def get_content(call: Call) -> File:
    """Documented: the bytes as `text/plain`."""
    return File(_file(call)["content"], "text/plain; charset=utf-8")


def _files(call: Call) -> list[dict[str, Any]]:
    automation = call.state.shelf("automation").find(call.ids[0])
    return call.state.shelf("automation file").under(automation["id"])


def _file(call: Call) -> dict[str, Any]:
    return call.state.shelf("automation file").find(*call.ids)


def _element(file: dict[str, Any]) -> Body:
    return {key: value for key, value in file.items() if key != "content"} | {"size": len(file["content"])}
