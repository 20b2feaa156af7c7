"""Single responses."""

from __future__ import annotations

from qualtrics_async.models._base import JsonList, JsonObject, Model

__all__ = ["Response", "ResponseCreated"]


class Response(Model, frozen=True, kw_only=True):
    """A response (documented); `client.responses.schema()` describes its values.

    Metadata are among the `values`: `recordedDate`, `finished` (0 or 1), `duration` in seconds, ... Which
    fields there are depends on the survey. `labels` has the text of those that have one.
    """

    response_id: str
    values: JsonObject
    labels: JsonObject | None = None
    displayed_fields: JsonList | None = None
    displayed_values: JsonObject | None = None


class ResponseCreated(Model, frozen=True, kw_only=True):
    """The id of a response that was just created (documented)."""

    response_id: str
