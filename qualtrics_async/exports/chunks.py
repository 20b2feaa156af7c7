"""The responses of a survey as bytes."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Self, Unpack

from qualtrics_async._core.tasks import on_thread
from qualtrics_async.client import Qualtrics
from qualtrics_async.exports.ahead import Ahead, made_ahead
from qualtrics_async.exports.export import Export, ExportInfo, open_export
from qualtrics_async.exports.options import ExportFormat, ExportOptions, planned

__all__ = ["Chunks", "chunks_of", "stream"]


class Chunks:
    """The bytes of an export, in pieces of about half a megabyte; `info` tells what there is.

    After the `async with` it gives nothing more: asking for it is a `UsageError`.
    """

    def __init__(self, export: Export, ahead: Ahead[tuple[bytes, int]]) -> None:
        self.info: ExportInfo = export.info
        self._export = export
        self._ahead = ahead
        self._done = 0

    def __repr__(self) -> str:
        return (
            f"<Chunks of {self.info.survey_id} as {self.info.format}: {self._done} of {self.info.size} bytes>"
        )

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        taken = await self._ahead.take()
        if taken is None:
            self._tell(self.info.size)
            raise StopAsyncIteration
        piece, done = taken
        self._tell(done)
        return piece

    def _tell(self, done: int) -> None:
        """Report how far it is, with what was left out of the stream; readers who share it may be late."""
        if done > self._done:
            self._done = done
            self._export.tell(done)


@asynccontextmanager
async def chunks_of(export: Export, *, is_quick: bool = False) -> AsyncGenerator[Chunks]:
    """Read an export that is there, on a thread and a piece ahead.

    A quick reader, which works on the loop itself, has a thread only where a disk is needed: a piece that
    needs none holds the loop for half a millisecond.
    """
    members = export.stream()

    def step() -> tuple[bytes, int] | None:
        piece = members.take()
        return (piece, members.done) if piece else None

    try:
        async with made_ahead(step, lambda: is_quick and members.is_at_hand) as ahead:
            yield Chunks(export, ahead)
    finally:
        await on_thread(members.close)


@asynccontextmanager
async def stream(
    client: Qualtrics,
    survey_id: str,
    *,
    format: ExportFormat = "csv",  # noqa: A002  (the wire's name)
    **options: Unpack[ExportOptions],
) -> AsyncGenerator[Chunks]:
    """Export the responses of a survey as bytes, decompressed, whatever their number.

    ```python
    async with exports.stream(client, "SV_0aB1cD2eF3gH4iJ", format="csv") as chunks:
        async for chunk in chunks: ...
    ```

    The archive is spooled to a temporary file first, so what arrives has been downloaded as a whole; it is
    decompressed on a thread while the consumer works. Several files in it come as one stream, the header rows
    of a table once.

    Raises:
        UsageError: for options that exclude one another, before any I/O.
        JobFailed: when the service's job failed, ended without a file, vanished, or did not get on.
        TransportError: when the download broke off again and again.
        DecodeError: for what is no archive, that expands too far, or whose checksum is wrong: the last of
            these only when the broken part is reached.
        QualtricsError: when the service refuses something.
    """
    plan = planned(format, options)
    async with open_export(client, survey_id, plan) as export, chunks_of(export) as chunks:
        yield chunks
