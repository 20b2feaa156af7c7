"""Libraries: messages, graphics, surveys, questions, blocks."""

from __future__ import annotations

from qualtrics_async.resources._base import Resource

__all__ = ["Libraries"]


class Libraries(Resource):
    """Libraries: messages, graphics, surveys, questions, blocks."""

    __slots__ = ()
