"""What is in the file of an export, written into another file: begun again while the download is broken."""

from __future__ import annotations

import os
import stat
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import BinaryIO, Final, TextIO

from qualtrics_async._core.replacing import called
from qualtrics_async._core.tasks import on_thread
from qualtrics_async.client import Qualtrics
from qualtrics_async.errors import DecodeError
from qualtrics_async.exports.archive import MemberStream
from qualtrics_async.exports.export import Export, ExportInfo, open_export
from qualtrics_async.exports.options import Plan

__all__ = ["Target", "save", "target_in"]

_STEP: Final = 4 * 1024**2
"""Bytes that a thread moves before anybody hears of it: about 20 ms."""

_PIECE: Final = 512 * 1024


class Target:
    """A file that an export is written into; `name` is what errors call it.

    All of it is for a thread. Only what is `repeatable`, a regular file that is ours alone, is begun again.
    """

    def __init__(self, file: BinaryIO, name: str, *, repeatable: bool = False) -> None:
        self.repeatable = repeatable
        self.size = 0
        self._file = file
        self._name = name

    def close(self) -> None:
        """Let go of the file."""
        with called(self._name):
            self._file.close()

    def begin(self) -> None:
        """Forget what was written."""
        if self.size:
            with called(self._name):
                self._file.seek(0)
                self._file.truncate()
            self.size = 0

    def write(self, piece: bytes) -> None:
        """Write all of it.

        Raises:
            OSError: with the name of the file.
        """
        rest = memoryview(piece)
        with called(self._name):
            while rest:
                rest = rest[self._file.write(rest) :]
        self.size += len(piece)

    def end(self) -> None:
        """Hand on what waits in buffers."""
        with called(self._name):
            self._file.flush()


@asynccontextmanager
async def target_in(file: TextIO, name: str) -> AsyncGenerator[Target]:
    """Open a target in a file that was just opened for text, and close it at the end.

    It has a descriptor of its own: the number of the file's is another file's as soon as it is closed, and a
    thread that is late would write there.
    """
    opened: list[Target] = []

    def begin() -> None:
        raw = os.fdopen(os.dup(file.fileno()), "wb", buffering=0)
        opened.append(Target(raw, name, repeatable=stat.S_ISREG(os.fstat(raw.fileno()).st_mode)))

    try:
        await on_thread(begin)
        yield opened[0]
    finally:
        for target in opened:
            await on_thread(target.close)


async def save(
    client: Qualtrics, survey_id: str, plan: Plan, target: Target, *, as_archive: bool = False
) -> ExportInfo:
    """Export a survey into a file: what is in the archive as one stream, or the archive as it came.

    A download that turns out to be corrupt is done again, as often as the client's `retry` allows: the
    service makes the export only once. What cannot be begun again, like a pipe, is written to when all
    checksums have been seen to be right.

    Raises:
        OSError: with the target's name, when it cannot be written.
        JobFailed, TransportError, DecodeError, QualtricsError: as `stream()` does.
    """
    async with open_export(client, survey_id, plan) as export:
        while True:
            try:
                return await _Attempt(export, target).run(as_archive=as_archive)
            except DecodeError as error:
                if target.size and not target.repeatable:
                    raise
                await export.again(error)


class _Attempt:
    """One reading of a file that was downloaded."""

    def __init__(self, export: Export, target: Target) -> None:
        self._export = export
        self._target = target
        self._file = export.spool.file

    async def run(self, *, as_archive: bool) -> ExportInfo:
        await on_thread(self._target.begin)
        archive = self._export.archive
        members = None if as_archive else archive.stream()
        if members is None or not self._target.repeatable:
            await self._read(archive.parts(), _nowhere, tell=as_archive)
        if members is None:
            await on_thread(self._file.seek, 0)
            await self._move(partial(self._file.read, _PIECE), self._target.write)
        else:
            await self._read(members, self._target.write, tell=True)
        await on_thread(self._target.end)
        return self._export.info

    async def _read(self, members: MemberStream, write: Callable[[bytes], None], *, tell: bool) -> None:
        told = (lambda: self._export.tell(members.done)) if tell else None
        try:
            await self._move(members.take, write, told)
        finally:
            await on_thread(members.close)

    async def _move(
        self,
        take: Callable[[], bytes],
        write: Callable[[bytes], None],
        tell: Callable[[], None] | None = None,
    ) -> None:
        while await on_thread(_step, take, write):
            if tell is not None:
                tell()


def _step(take: Callable[[], bytes], write: Callable[[bytes], None]) -> int:
    """Move the next bytes, and count them."""
    moved = 0
    while moved < _STEP and (piece := take()):
        write(piece)
        moved += len(piece)
    return moved


def _nowhere(_: bytes) -> None:
    pass
