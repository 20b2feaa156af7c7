"""Directories of the brand."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from qualtrics_async._core.paging import Paged
from qualtrics_async._core.request import GET
from qualtrics_async.errors import UsageError
from qualtrics_async.models.directories import Directory
from qualtrics_async.resources._base import Executor, Resource

__all__ = ["Directories"]


class Directories(Resource):
    """The directories that hold the brand's contacts; most brands have one."""

    __slots__ = ("_default", "_finding")

    def __init__(self, executor: Executor) -> None:
        super().__init__(executor)
        self._default: Directory | None = None
        self._finding = asyncio.Lock()

    def list(self, *, include_count: bool | None = None, page_size: int | None = None) -> Paged[Directory]:
        """Every directory; `include_count` asks for the number of contacts in each."""
        query = {"includeCount": include_count, "pageSize": page_size}
        return self._paged(GET("/directories"), Directory, query=query)

    async def default(self) -> Directory:
        """The default directory, or the only one; found once and kept for the life of the client.

        Raises:
            UsageError: when the brand has no default directory and not exactly one either.
        """
        async with self._finding:
            if self._default is None:
                self._default = _choose(await self.list().collect())
            return self._default


def _choose(directories: Sequence[Directory]) -> Directory:
    defaults = [directory for directory in directories if directory.is_default] or directories
    if len(defaults) == 1:
        return defaults[0]
    found = ", ".join(directory.directory_id for directory in defaults) or "none"
    raise UsageError(f"no default directory among those that the account sees ({found}): name one")
