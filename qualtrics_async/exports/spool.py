"""The file of an export, on disk: what breaks off is resumed, or begun again, until it is whole."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from tempfile import TemporaryFile
from typing import BinaryIO, Final

import anyio.to_thread

from qualtrics_async._core.downloads import Download
from qualtrics_async._core.tasks import to_its_end
from qualtrics_async.client import Qualtrics
from qualtrics_async.errors import QualtricsError, TransportError, UnexpectedStatus
from qualtrics_async.exports.options import ExportState, Plan

__all__ = ["Spool", "spooled"]

_PIECE: Final = 1024 * 1024
"""Bytes that are worth a write: each is a hop to a thread."""

_PROGRESS: Final = 8 * 1024 * 1024
"""Bytes that a download must get on for its earlier faults to be forgiven."""

_PARTIAL: Final = 206
_UNSATISFIABLE: Final = 416
_RANGE: Final = re.compile(r"bytes (\d+)-\d+/(?:\d+|\*)")


class Spool:
    """A temporary file without a name, gone when it is closed; `size` is what was written, in bytes."""

    def __init__(self, client: Qualtrics, survey_id: str, file_id: str, plan: Plan, file: BinaryIO) -> None:
        self.file = file
        self.size = 0
        self._client = client
        self._survey_id = survey_id
        self._file_id = file_id
        self._plan = plan
        self._validator: str | None = None

    async def fill(self) -> None:
        """Download the whole file, over what is there.

        Raises:
            TransportError: when it breaks off more often than the client's `retry` allows without getting on.
            QualtricsError: when the file is refused.
        """
        self.size = 0
        faults, reached = 0, 0
        retry = self._client.retry
        while True:
            failure: QualtricsError
            try:
                await self._download()
            except UnexpectedStatus as error:
                if error.status != _UNSATISFIABLE or not self.size:
                    raise
                self.size, failure = 0, error  # another file than before, and shorter
            except TransportError as error:
                failure = error
            else:
                return
            faults = 1 if self.size >= reached + _PROGRESS else faults + 1
            reached = max(reached, self.size)
            if faults > retry.retries:
                raise failure
            await asyncio.sleep(min(retry.cap, retry.base * 2 ** min(faults - 1, 30)))

    async def _download(self) -> None:
        """Download what is missing, or everything where the service does not go on."""
        exports = self._client.response_exports
        asked = exports.file(self._survey_id, self._file_id, offset=self.size, validator=self._validator)
        async with asked as download:
            if not _goes_on(download, self.size):
                self.size = 0
            self._validator = _strong(download.headers.get("ETag"))
            await anyio.to_thread.run_sync(self._cut)
            total = _length(download, self.size)
            waiting = bytearray()
            try:
                async with aclosing(download.chunks()) as chunks:
                    async for chunk in chunks:
                        waiting += chunk
                        if len(waiting) >= _PIECE:
                            await self._write(waiting, total)
            finally:
                await self._write(waiting, total)

    async def _write(self, waiting: bytearray, total: int | None) -> None:
        if waiting:
            await to_its_end(anyio.to_thread.run_sync(self.file.write, bytes(waiting)))
            self.size += len(waiting)
            waiting.clear()
            state = ExportState(
                survey_id=self._survey_id, phase="downloading", percent=100.0, done=self.size, total=total
            )
            self._plan.tell(state)

    def _cut(self) -> None:
        self.file.seek(self.size)
        self.file.truncate()


@asynccontextmanager
async def spooled(client: Qualtrics, survey_id: str, file_id: str, plan: Plan) -> AsyncGenerator[Spool]:
    """Open a temporary file for the file of an export, and close it at the end."""
    opened: list[BinaryIO] = []
    try:
        await to_its_end(anyio.to_thread.run_sync(_open, opened))
        yield Spool(client, survey_id, file_id, plan, opened[0])
    finally:
        for file in opened:
            # On a thread: what a full disk did not take is tried again by closing.
            await to_its_end(anyio.to_thread.run_sync(file.close))


def _open(opened: list[BinaryIO]) -> None:
    opened.append(TemporaryFile(prefix="qualtrics-", buffering=0))  # noqa: SIM115  (closed by `spooled`)


def _goes_on(download: Download, offset: int) -> bool:
    """Whether an answer holds the bytes from there on, and not the whole file from its beginning."""
    found = _RANGE.fullmatch(download.headers.get("Content-Range", ""))
    return download.status == _PARTIAL and found is not None and int(found[1]) == offset


def _strong(validator: str | None) -> str | None:
    """A validator that two files of different bytes do not share (RFC 9110); None for a weak one."""
    return None if validator is None or validator.startswith("W/") else validator


def _length(download: Download, offset: int) -> int | None:
    length = download.headers.get("Content-Length", "")
    return offset + int(length) if length.isascii() and length.isdigit() else None
