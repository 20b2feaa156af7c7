"""Libraries: messages, graphics, surveys, questions, blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qualtrics_async.sandbox.routing import Routes
from qualtrics_async.sandbox.wire import Refused, check_keys, check_texts, nested, result

if TYPE_CHECKING:
    from qualtrics_async.sandbox.wire import Body, Call

__all__ = ["routes"]

routes = Routes()

_MESSAGES = "/libraries/{libraryId}/messages"
_KEYS = ("description", "category", "messages")
_CATEGORIES = frozenset(
    (
        "invite",
        "inactiveSurvey",
        "reminder",
        "thankYou",
        "endOfSurvey",
        "general",
        "validation",
        "lookAndFeel",
        "emailSubject",
        "smsInvite",
    )
)
_IMAGES = frozenset(("image/jpeg", "image/gif", "image/png"))
_LARGEST = 5_000_000
_FIELDS = frozenset(("file", "name", "fileUrl", "contentType", "folder"))


@routes("GET", "/libraries", "documented")
def list_libraries(call: Call) -> Body:
    """Documented, as clients read it: the caller's own library, and one that is shared."""
    return call.page(_libraries(call), dict, cursor="offset")


@routes("GET", "/libraries/{libraryId}/survey/surveys", "assumed")
def list_library_surveys(call: Call) -> Body:
    """Assumed: names by id by category, as one client reads it; the caller's are in its own library."""
    library_id = _library(call)
    surveys = call.state.surveys.values() if library_id == call.state.user_id else ()
    return call.page(list(surveys), lambda made: {"Uncategorized": {made.id: made.name}}, cursor="offset")


@routes("GET", "/libraries/{libraryId}/survey/questions", "assumed")
def list_library_questions(call: Call) -> Body:
    """Assumed: what a test has put on the shelf `library question`, as it is."""
    return call.page(call.state.shelf("library question").under(_library(call)), dict, cursor="offset")


@routes("GET", "/libraries/{libraryId}/survey/blocks", "assumed")
def list_library_blocks(call: Call) -> Body:
    """Assumed: what a test has put on the shelf `library block`, as it is."""
    return call.page(call.state.shelf("library block").under(_library(call)), dict, cursor="offset")


@routes("GET", _MESSAGES, "documented")
def list_messages(call: Call) -> Body:
    """Documented: without the texts; one client filters by category."""
    category = call.query.get("category")
    messages = [
        message
        for message in call.state.shelf("message").under(_library(call))
        if category in {None, message["category"]}
    ]
    return call.page(messages, _summary, cursor="offset")


@routes("POST", _MESSAGES, "documented")
def create_message(call: Call) -> Body:
    """Documented; the refusals are assumed."""
    library_id, body = _library(call), call.json()
    check_keys(body, _KEYS, _KEYS)
    _check_message(body)
    message_id = call.state.new_id("MS_")
    call.state.shelf("message").put(library_id, message_id, record={"id": message_id, **body})
    return result({"id": message_id})


@routes("GET", _MESSAGES + "/{messageId}", "documented")
def get_message(call: Call) -> Body:
    """Documented: with the texts by language."""
    return result(dict(_message(call)))


@routes("PUT", _MESSAGES + "/{messageId}", "assumed")
def update_message(call: Call) -> Body:
    """Assumed: the keys of a new message, all of them optional; answers meta only."""
    message, body = _message(call), call.json()
    check_keys(body, _KEYS)
    if not body:
        raise Refused(400, "PLACEHOLDER_400", "There is nothing to change.")
    _check_message(body)
    message.update(body)
    return {}


@routes("DELETE", _MESSAGES + "/{messageId}", "documented")
def delete_message(call: Call) -> Body:
    """Documented: answers meta only."""
    _library(call)
    call.state.shelf("message").remove(*call.ids)
    return {}


@routes("POST", "/libraries/{libraryId}/graphics", "documented")
def upload_graphic(call: Call) -> Body:
    """Documented: `file`, or `fileUrl` and `contentType`, in a form. The refusals are assumed.

    What a `fileUrl` leads to is not fetched.
    """
    library_id, parts = _library(call), call.form()
    check_keys(parts, _FIELDS)
    if ("file" in parts) == ("fileUrl" in parts):
        raise Refused(400, "RP_10", "Expected param not found: file")
    texts = {
        name: part.content.decode(errors="replace") for name, part in parts.items() if part.filename is None
    }
    record: dict[str, Any] = {"name": None, "contentType": "", "folder": None, "content": b""} | texts
    if "file" in parts:
        part = parts["file"]
        record |= {"name": part.filename, "contentType": part.content_type or "", "content": part.content}
    if record["contentType"] not in _IMAGES:
        raise Refused(415, "PLACEHOLDER_415", "A graphic is jpeg, gif or png.")
    if len(record["content"]) > _LARGEST:
        raise Refused(413, "PLACEHOLDER_413", "A graphic has at most 5 MB.")
    graphic_id = call.state.new_id("IM_")
    call.state.shelf("graphic").put(library_id, graphic_id, record={"id": graphic_id, **record})
    return result({"id": graphic_id})


@routes("DELETE", "/libraries/{libraryId}/graphics/{graphicId}", "documented")
def delete_graphic(call: Call) -> Body:
    """Documented: answers meta only."""
    _library(call)
    call.state.shelf("graphic").remove(*call.ids)
    return {}


def _libraries(call: Call) -> list[Body]:
    return [
        {"libraryId": call.state.user_id, "libraryName": "My Library: Api User"},
        {"libraryId": call.state.group_library_id, "libraryName": "Sandbox Library"},
    ]


def _library(call: Call) -> str:
    if call.ids[0] not in {call.state.user_id, call.state.group_library_id}:
        raise Refused(404, "PLACEHOLDER_404", "No such library.")
    return call.ids[0]


def _message(call: Call) -> dict[str, Any]:
    _library(call)
    return call.state.shelf("message").find(*call.ids)


def _summary(message: dict[str, Any]) -> Body:
    return {key: message[key] for key in ("id", "description", "category")}


def _check_message(body: Body) -> None:
    check_texts(body, ("description", "category"))
    if body.get("category", "general") not in _CATEGORIES:
        raise Refused(400, "PLACEHOLDER_400", "No such category of messages.")
    texts = nested(body, "messages")
    check_texts(texts, texts)
    if "messages" in body and not texts:
        raise Refused(400, "PLACEHOLDER_400", "messages must have a text.")
