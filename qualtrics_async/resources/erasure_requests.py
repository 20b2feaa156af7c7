"""Erasure of personal data, which nothing brings back."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from qualtrics_async._core.paging import Paged
from qualtrics_async._core.request import GET, POST
from qualtrics_async.errors import NotFound, UsageError
from qualtrics_async.models.erasure_requests import ErasureRequest, ErasureStarted
from qualtrics_async.resources._base import Resource, all_named, confirmed, given

__all__ = ["ErasureRequests"]


class ErasureRequests(Resource):
    """Erasure of what is kept about e-mail addresses.

    For brand administrators, 20 calls a minute. Users, contacts of every list and directory, and people with
    these addresses are erased, their responses and tickets before them (documented).
    """

    __slots__ = ()

    def list(self) -> Paged[ErasureRequest]:
        """Every request of the brand, also those that are under way."""
        return self._paged(GET("/op-erase-personal-data"), ErasureRequest)

    async def start(
        self,
        emails: Sequence[str],
        *,
        search_only: bool,
        confirm: bool,
        export_personal_data: bool | None = None,
    ) -> ErasureStarted:
        """Erase everything about these addresses, or with `search_only=True` look for it and erase nothing.

        There is no default: the service's own is to erase. It is never sent twice by itself.

        Raises:
            UsageError: unless `confirm` is literally `True` and `search_only` a boolean; without an address,
                and for anything among `emails` that is no address.
        """
        confirmed(confirm, "erases personal data")
        if not isinstance(search_only, bool):
            raise UsageError("search_only must be True or False: nothing else says whether to erase")
        body = {
            "emails": _addresses(emails),
            "searchOnly": search_only,
            "exportPersonalData": export_personal_data,
        }
        return await self._send(POST("/op-erase-personal-data"), ErasureStarted, body=given(body))

    async def progress(self, request_id: str) -> ErasureRequest:
        """One request; a client reports that it cannot be read before it is complete, `list()` has it."""
        return await self._send(GET("/op-erase-personal-data/{requestId}", request_id), ErasureRequest)

    async def run(
        self,
        emails: Sequence[str],
        *,
        search_only: bool,
        confirm: bool,
        export_personal_data: bool | None = None,
    ) -> ErasureRequest:
        """Do what `start` does and wait for its end; a request that cannot be read yet is under way.

        Raises:
            JobFailed: when it failed, or did not end in time.
        """
        started = await self.start(
            emails, search_only=search_only, confirm=confirm, export_personal_data=export_personal_data
        )
        return await self._wait(started.request_id, partial(self._standing, started.request_id))

    async def _standing(self, request_id: str) -> ErasureRequest:
        try:
            return await self.progress(request_id)
        except NotFound:
            return ErasureRequest(request_id=request_id)


def _addresses(emails: Sequence[str]) -> Sequence[str]:
    addresses = all_named(emails, "emails")
    if not all("@" in address for address in addresses):
        raise UsageError("emails has something in it that is no address")
    return addresses
