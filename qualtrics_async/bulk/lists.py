"""Whether a mailing list is there: some calls do not say that it is not."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

import anyio

from qualtrics_async.client import Qualtrics
from qualtrics_async.errors import ConnectFailed, NotFound, QualtricsError, RateLimited, Unauthorized

__all__ = ["NO_SUCH_LIST", "Lists"]

NO_SUCH_LIST = "no such mailing list"
"""Why rows fail that name a list which is not there, where others name others."""

_STOPS: Final = (NotFound, Unauthorized, ConnectFailed, RateLimited)


class Lists:
    """The lists of one directory that are known to be there, or not to be.

    `stops` are the errors that a check raises. Where rows choose among many lists (`by_row`), one that is not
    there is the trouble of its own rows.
    """

    def __init__(
        self,
        client: Qualtrics,
        directory_id: str,
        *,
        by_row: bool,
        stops: tuple[type[QualtricsError], ...] = _STOPS,
    ) -> None:
        self._client = client
        self._directory_id = directory_id
        self._by_row = by_row
        self._stops = stops
        self._known: dict[str, NotFound | None] = {}
        self._asking: defaultdict[str, anyio.Lock] = defaultdict(anyio.Lock)

    async def check(self, mailing_list_id: str) -> NotFound | None:
        """Ask for a list, until there was an answer; what comes back is that it is not there, if so.

        What is no answer costs the check, not the job.

        Raises:
            QualtricsError: one of `stops`: nothing can be asked, or the only list is not there.
        """
        async with self._asking[mailing_list_id]:
            if mailing_list_id not in self._known:
                try:
                    await self._client.mailing_lists.get(self._directory_id, mailing_list_id)
                except NotFound as missing:
                    if not self._by_row:
                        raise
                    self._known[mailing_list_id] = missing
                except self._stops:
                    raise
                except QualtricsError:
                    return None
                else:
                    self._known[mailing_list_id] = None
            return self._known[mailing_list_id]
