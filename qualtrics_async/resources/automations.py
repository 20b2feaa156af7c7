"""Automations and the files that they take (the automations file service)."""

from __future__ import annotations

from qualtrics_async.resources._base import Resource

__all__ = ["Automations"]


class Automations(Resource):
    """Automations and the files that they take (the automations file service)."""

    __slots__ = ()
