"""Single responses and the files in them."""

from __future__ import annotations

from qualtrics_async.resources._base import Resource

__all__ = ["Responses"]


class Responses(Resource):
    """Single responses and the files in them."""

    __slots__ = ()
