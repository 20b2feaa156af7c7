"""Whether a mailing list is there: some calls do not say that it is not."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

import anyio

from qualtrics_async.client import Qualtrics
from qualtrics_async.errors import ConnectFailed, NotFound, QualtricsError, RateLimited, Unauthorized

__all__ = ["Lists"]

_STOPS: Final = (NotFound, Unauthorized, ConnectFailed, RateLimited)


class Lists:
    """The lists of one directory that are known to be there; `stops` are the errors that a check raises."""

    def __init__(
        self, client: Qualtrics, directory_id: str, *, stops: tuple[type[QualtricsError], ...] = _STOPS
    ) -> None:
        self._client = client
        self._directory_id = directory_id
        self._stops = stops
        self._known: set[str] = set()
        self._asking: defaultdict[str, anyio.Lock] = defaultdict(anyio.Lock)

    async def check(self, mailing_list_id: str) -> None:
        """Ask for a list, until there was an answer. What is none costs the check, not the job.

        Raises:
            QualtricsError: one of `stops`: the list is not there, or nothing can be asked.
        """
        if mailing_list_id in self._known:
            return
        async with self._asking[mailing_list_id]:
            if mailing_list_id in self._known:
                return
            try:
                await self._client.mailing_lists.get(self._directory_id, mailing_list_id)
            except self._stops:
                raise
            except QualtricsError:
                return
            self._known.add(mailing_list_id)
