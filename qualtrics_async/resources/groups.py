"""Groups of users and their members."""

from __future__ import annotations

from qualtrics_async.resources._base import Resource

__all__ = ["Groups"]


class Groups(Resource):
    """Groups of users and their members."""

    __slots__ = ()
