"""Requests to erase personal data."""

from __future__ import annotations

from msgspec import field

from qualtrics_async.models._base import Flag, Instant, JsonList, Model
from qualtrics_async.models.common import JobProgress

__all__ = ["ErasureRequest", "ErasureStarted"]


class ErasureStarted(Model, frozen=True, kw_only=True):
    """The id of a request that was just made (documented)."""

    request_id: str
    user: str | None = None
    created: Instant | None = None


class ErasureRequest(Model, frozen=True, kw_only=True):
    """A request to erase what is kept about some e-mail addresses, or to look for it (used by clients).

    Only `completed` is known among the words of `status`. The addresses are personal data themselves.
    """

    request_id: str = field(name="requestid")
    status: str | None = None
    user: str | None = None
    num_emails_requested: int | None = None
    emails_not_found: JsonList | None = None
    email_list: JsonList | None = None
    search_only: Flag | None = None
    failure_reason: str | None = None
    created: Instant | None = None
    updated: Instant | None = None

    @property
    def is_failed(self) -> bool:
        """Whether it ended badly."""
        return JobProgress(status=self.status).is_failed

    @property
    def is_finished(self) -> bool:
        """Whether nothing more happens, well or badly."""
        return JobProgress(status=self.status).is_finished
