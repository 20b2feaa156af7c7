"""Imports of responses, as jobs of the server's."""

from __future__ import annotations

from qualtrics_async.models.common import JobProgress

__all__ = ["ResponseImportStarted"]


class ResponseImportStarted(JobProgress, frozen=True, kw_only=True):
    """An import that was accepted (documented)."""

    progress_id: str
