"""Single responses."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from qualtrics_async.models._base import Model, lenient, read_list, read_object

__all__ = ["AnyResponse", "Response", "ResponseCreated"]


class Response(Model, frozen=True, kw_only=True):
    """A response (documented); `client.responses.schema()` describes its values.

    Metadata are among the `values`: `recordedDate`, `finished` (0 or 1), `duration` in seconds, ... Which
    fields there are depends on the survey. `labels` has the text of those that have one.
    """

    response_id: str
    values: dict[str, Any]
    labels: dict[str, Any] | None = None
    displayed_fields: list[Any] | None = None
    displayed_values: dict[str, Any] | None = None


class ResponseCreated(Model, frozen=True, kw_only=True):
    """The id of a response that was just created (documented)."""

    response_id: str


_SHAPES: Final = {
    "values": read_object,
    "labels": read_object,
    "displayedFields": read_list,
    "displayedValues": read_object,
}


def _response(value: object) -> Response:
    """A `Response`, also where an empty object is `[]` or a list has numbered keys, as PHP writes them."""
    if isinstance(value, dict):
        shaped = {key: read(value[key]) for key, read in _SHAPES.items() if value.get(key) is not None}
        value = value | shaped
    return msgspec.convert(value, Response)


AnyResponse: Final = lenient(Response, _response)
