"""Contacts of a directory, and the search among them."""

from __future__ import annotations

from qualtrics_async.resources._base import Resource

__all__ = ["Contacts"]


class Contacts(Resource):
    """Contacts of a directory, and the search among them."""

    __slots__ = ()
