"""Whether a mailing list is there, asked when something of it is not."""

from __future__ import annotations

from collections import defaultdict

import anyio

from qualtrics_async.client import Qualtrics
from qualtrics_async.errors import (
    ConnectFailed,
    NotFound,
    QualtricsError,
    RateLimited,
    Unauthorized,
)

__all__ = ["Lists"]

_STOPS = (NotFound, Unauthorized, ConnectFailed, RateLimited)


class Lists:
    """The lists of one directory that are known to be there."""

    def __init__(self, client: Qualtrics, directory_id: str) -> None:
        self._client = client
        self._directory_id = directory_id
        self._known: set[str] = set()
        self._asking: defaultdict[str, anyio.Lock] = defaultdict(anyio.Lock)

    async def check(self, mailing_list_id: str) -> None:
        """Ask for a list, once. What is no answer costs the check, not the job.

        Raises:
            NotFound: when the list is not there: every row of it would fail.
            QualtricsError: when nothing can be asked: no access, no network, no quota.
        """
        if mailing_list_id in self._known:
            return
        async with self._asking[mailing_list_id]:
            if mailing_list_id in self._known:
                return
            try:
                await self._client.mailing_lists.get(self._directory_id, mailing_list_id)
            except _STOPS:
                raise
            except QualtricsError:
                return
            self._known.add(mailing_list_id)
