"""The file of an export, on disk: what breaks off is resumed, or begun again, until it is whole."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from tempfile import TemporaryFile, gettempdir
from typing import BinaryIO, Final

from qualtrics_async._core.downloads import Download
from qualtrics_async._core.replacing import called
from qualtrics_async._core.tasks import on_thread
from qualtrics_async.client import Qualtrics
from qualtrics_async.errors import DecodeError, QualtricsError, TransportError, UnexpectedStatus
from qualtrics_async.exports.options import ExportState, Plan

__all__ = ["Spool", "spooled"]

_PIECE: Final = 1024 * 1024
"""Bytes that are worth a write: each is a hop to a thread."""

_PROGRESS: Final = 8 * 1024 * 1024
"""Bytes that a download must get on for its earlier faults to be forgiven."""

_PARTIAL: Final = 206
_UNSATISFIABLE: Final = 416
_RANGE: Final = re.compile(r"bytes ([0-9]{1,18})-[0-9]{1,18}/([0-9]{1,18}|\*)")
_LENGTH: Final = re.compile(r"[0-9]{1,18}")


class _Broken(Exception):
    """What came is not the rest of the file; `again` if nothing of it can be kept."""

    def __init__(self, why: QualtricsError | None = None, *, again: bool = False) -> None:
        super().__init__()
        self.why = why
        self.again = again


class Spool:
    """A temporary file without a name, gone when it is closed; `size` is what was written, in bytes."""

    def __init__(self, client: Qualtrics, survey_id: str, file_id: str, plan: Plan, file: BinaryIO) -> None:
        self.file = file
        self.size = 0
        self.survey_id = survey_id
        self.file_id = file_id
        self._client = client
        self._plan = plan
        self._validator: str | None = None
        self._total: int | None = None

    async def fill(self) -> None:
        """Download the whole file, over what is there.

        Raises:
            TransportError: when it breaks off more often than the client's `retry` allows without getting on,
                or when no answer comes at all, which the client has repeated itself.
            DecodeError: when it is larger than all that it may expand to.
            QualtricsError: when the file is refused.
            OSError: when the disk is full.
        """
        self._forget()
        faults, reached = 0, 0
        retry = self._client.retry
        while True:
            before = self.size
            try:
                await self._download()
            except _Broken as broken:
                if broken.why is None and self.size > before:
                    continue  # a part that is shorter than what was asked for is no fault
                failure = broken.why or TransportError("the file of the export came in parts that do not fit")
                if broken.again:
                    self._forget()
            else:
                return
            faults = 1 if self.size >= reached + _PROGRESS else faults + 1
            reached = max(reached, self.size)
            if faults > retry.retries:
                raise failure
            await asyncio.sleep(retry.longest_wait(faults))

    def _forget(self) -> None:
        self.size = 0
        self._validator = self._total = None

    async def _download(self) -> None:
        """Download what is missing, or everything where the service does not go on.

        Raises:
            _Broken: when there is more to ask for.
        """
        exports = self._client.response_exports
        asked = exports.file(self.survey_id, self.file_id, offset=self.size, validator=self._validator)
        async with AsyncExitStack() as opened:
            try:
                download = await opened.enter_async_context(asked)
            except UnexpectedStatus as error:
                if error.status != _UNSATISFIABLE or not self.size:
                    raise
                raise _Broken(error, again=True) from None  # another file than before, and shorter
            self._meet(download)
            await on_thread(self._cut)
            await self._receive(download)
        if self._total is not None and self.size < self._total:
            raise _Broken

    def _meet(self, download: Download) -> None:
        """See which bytes of which file an answer has.

        Raises:
            _Broken: for a part that does not follow on what is there.
        """
        headers = download.headers
        found = _RANGE.fullmatch(headers.get("Content-Range", ""))
        validator = _strong(headers.get("ETag"))
        if download.status == _PARTIAL:
            total = int(found[2]) if found is not None and found[2] != "*" else None
            others = ((validator, self._validator), (total, self._total))
            if found is None or int(found[1]) != self.size or any(_differ(*pair) for pair in others):
                raise _Broken(again=True)
            self._total = self._total or total
            return
        self._forget()
        if headers.get("Content-Encoding", "identity").lower() != "identity":
            return  # what its bytes are on the server's disk is not known, nor how many
        self._validator = validator
        length = headers.get("Content-Length", "")
        self._total = int(length) if _LENGTH.fullmatch(length) else None

    async def _receive(self, download: Download) -> None:
        waiting = bytearray()
        try:
            async with aclosing(download.chunks()) as chunks:
                async for chunk in chunks:
                    waiting += chunk
                    if len(waiting) >= _PIECE:
                        await self._write(waiting)
        except TransportError as error:
            await self._write(waiting)
            raise _Broken(error, again="Content-Encoding" in download.headers) from None
        await self._write(waiting)

    async def _write(self, waiting: bytearray) -> None:
        if not waiting:
            return
        await on_thread(self._append, bytes(waiting))
        self.size += len(waiting)
        waiting.clear()
        most = self._plan.expansion.max_bytes
        if self.size > most:
            raise DecodeError(
                f"the file of the export is larger than the {most} bytes that it may expand to: ask for "
                "less, or raise expansion.max_bytes"
            )
        state = ExportState(
            survey_id=self.survey_id, phase="downloading", percent=100.0, done=self.size, total=self._total
        )
        self._plan.tell(state)

    def _append(self, piece: bytes) -> None:
        rest = memoryview(piece)
        with called(gettempdir()):  # the file has no name that would say which disk it is
            while rest:  # a disk that is nearly full takes a part of it
                rest = rest[self.file.write(rest) :]

    def _cut(self) -> None:
        with called(gettempdir()):
            self.file.seek(self.size)
            self.file.truncate()


@asynccontextmanager
async def spooled(client: Qualtrics, survey_id: str, file_id: str, plan: Plan) -> AsyncGenerator[Spool]:
    """Open a temporary file for the file of an export, and close it at the end."""
    opened: list[BinaryIO] = []
    try:
        await on_thread(_open, opened)
        yield Spool(client, survey_id, file_id, plan, opened[0])
    finally:
        for file in opened:
            # On a thread: what a full disk did not take is tried again by closing.
            await on_thread(file.close)


def _open(opened: list[BinaryIO]) -> None:
    folder = gettempdir()
    with called(folder):
        opened.append(TemporaryFile(prefix="qualtrics-", dir=folder, buffering=0))  # noqa: SIM115  (closed by `spooled`)


def _strong(validator: str | None) -> str | None:
    """A validator that two files of different bytes do not share (RFC 9110); None for a weak one."""
    return None if validator is None or validator.startswith("W/") else validator


def _differ(one: object, other: object) -> bool:
    """Whether two things that are both known are not the same."""
    return one is not None and other is not None and one != other
