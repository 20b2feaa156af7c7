"""Participants of an EX project."""

from __future__ import annotations

from qualtrics_async.resources._base import Resource

__all__ = ["ProjectParticipants"]


class ProjectParticipants(Resource):
    """Participants of an EX project."""

    __slots__ = ()
