"""Requests for what the brand knows of a customer, as jobs of the server's."""

from __future__ import annotations

from qualtrics_async.models.common import JobProgress

__all__ = ["CustomerDataRequestProgress"]


class CustomerDataRequestProgress(JobProgress, frozen=True, kw_only=True):
    """How far a request is: no source shows it, so it is assumed to be like that of an export."""

    file_id: str | None = None
