"""The organization (brand) itself."""

from __future__ import annotations

from qualtrics_async.resources._base import Resource

__all__ = ["Organizations"]


class Organizations(Resource):
    """The organization (brand) itself."""

    __slots__ = ()
