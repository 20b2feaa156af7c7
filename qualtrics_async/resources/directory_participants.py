"""Participants of an employee directory."""

from __future__ import annotations

from qualtrics_async.resources._base import Resource

__all__ = ["DirectoryParticipants"]


class DirectoryParticipants(Resource):
    """Participants of an employee directory."""

    __slots__ = ()
