"""Imported data projects, their records and exports."""

from __future__ import annotations

from qualtrics_async.resources._base import Resource

__all__ = ["ImportedDataProjects"]


class ImportedDataProjects(Resource):
    """Imported data projects, their records and exports."""

    __slots__ = ()
