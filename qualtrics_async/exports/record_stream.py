"""The responses of a survey as records."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, suppress
from itertools import chain
from typing import Final, Self, Unpack

import anyio.lowlevel
import msgspec

from qualtrics_async.client import Qualtrics
from qualtrics_async.errors import DecodeError
from qualtrics_async.exports.chunks import Chunks, chunks_of
from qualtrics_async.exports.export import ExportInfo, open_export
from qualtrics_async.exports.options import ExportOptions, planned
from qualtrics_async.models._base import convert_wire
from qualtrics_async.models.responses import AnyResponse, Response

__all__ = ["Records", "records"]

_STEP: Final = 128 * 1024
"""Bytes that are decoded at a time: about a millisecond, in which the loop does nothing else."""

_LONGEST: Final = 16 * 1024**2
"""Bytes of one record that are waited for: beyond it, this is no file of records."""

_decoder: Final = msgspec.json.Decoder(Response)
_lenient: Final = msgspec.json.Decoder(AnyResponse, dec_hook=convert_wire)
"""Reads what PHP writes in other shapes as well, and takes longer."""

_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, json.JSONDecodeError)
_HALF: Final = re.compile(rb"\\u[dD][89a-fA-F]")
"""An escape of a surrogate, which is half a character by itself."""


class Records:
    """The records of an export, one by one; `info` tells what there is. Several tasks may share them.

    After the `async with` they give nothing more: asking for one is a `UsageError`.
    """

    def __init__(self, chunks: Chunks) -> None:
        self.info: ExportInfo = chunks.info
        self._chunks = chunks
        self._lines = _Lines()
        self._count = 0
        self._ready: Iterator[Response] = iter(())
        self._broken: str | None = None
        self._turn = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<Records of {self.info.survey_id}: {self._count} decoded>"

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Response:
        while (record := next(self._ready, None)) is None:
            async with self._turn:
                await self._decode()
        return record

    def end(self) -> None:
        """Forget what was decoded and not taken; `records()` does so when its `async with` ends."""
        self._lines = _Lines()
        self._ready = iter(())
        self._broken = None

    async def _decode(self) -> None:
        if (record := next(self._ready, None)) is not None:
            self._ready = chain((record,), self._ready)  # another task was here before
            return
        if self._broken is not None:
            raise DecodeError(self._broken)
        while (step := self._lines.step()) is None:
            if self._lines.is_over:
                raise StopAsyncIteration
            self._lines.add(await anext(self._chunks, None))
            if self._lines.is_endless:
                self._broken = f"a record of the export is longer than {_LONGEST} bytes: it is no ndjson"
                raise DecodeError(self._broken)
        found, self._broken = _read(step, self._count)
        self._count += len(found)
        self._ready = iter(found)
        await anyio.lowlevel.checkpoint()


class _Lines:
    """Bytes as they come, in steps of whole lines."""

    def __init__(self) -> None:
        self.is_over = False
        self._mark = b"\xef\xbb\xbf"
        self._whole = b""
        self._begin = 0
        self._rest: list[bytes] = []
        self._length = 0

    @property
    def is_endless(self) -> bool:
        """Whether a line has begun that is too long."""
        return self._length > _LONGEST

    def add(self, chunk: bytes | None) -> None:
        """Take the next bytes; None when there are no more."""
        if chunk is None:
            self.is_over = True
            cut = 0
        else:
            cut = chunk.rfind(b"\n") + 1
        if cut or chunk is None:
            self._whole = b"".join((*self._rest, (chunk or b"")[:cut])).removeprefix(self._mark)
            self._begin = 0
            self._mark = b""
            self._rest.clear()
            self._length = 0
        if chunk is not None and cut < len(chunk):
            self._rest.append(chunk[cut:])
            self._length += len(chunk) - cut

    def step(self) -> memoryview | None:
        """The next lines, about as many as are decoded at a time; None when more bytes are needed."""
        begin, end = self._begin, len(self._whole)
        if begin >= end:
            return None
        if end - begin > _STEP:
            end = self._whole.find(b"\n", begin + _STEP) + 1 or end
        self._begin = end
        return memoryview(self._whole)[begin:end]


def _read(step: memoryview, before: int) -> tuple[list[Response], str | None]:
    """Decode lines: all of them, or those before the one that is broken and what is wrong with it."""
    for decoder in (_decoder, _lenient):
        with suppress(*_UNREADABLE):
            return decoder.decode_lines(step), None
    found: list[Response] = []
    for line in bytes(step).split(b"\n"):
        if not line.strip():
            continue
        try:
            found.append(_mended(line) if _HALF.search(line) else _lenient.decode(line))
        except _UNREADABLE as error:
            # It is not shown, because it is somebody's answers.
            said = str(error) if isinstance(error, msgspec.ValidationError) else type(error).__name__
            number = before + len(found) + 1
            return found, f"record {number} of the export is not what was promised: {said}"
    return found, None


def _mended(line: bytes) -> Response:
    """Read a record with half a character in it, as JSON allows and text does not: U+FFFD stands for it."""
    text = json.dumps(json.loads(line), ensure_ascii=False)
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    found: Response = _lenient.decode(whole)
    return found


@asynccontextmanager
async def records(
    client: Qualtrics, survey_id: str, **options: Unpack[ExportOptions]
) -> AsyncGenerator[Records]:
    """Export the responses of a survey as typed records, in constant memory, whatever their number.

    ```python
    async with exports.records(client, "SV_0aB1cD2eF3gH4iJ") as responses:
        async for response in responses:
            print(response.response_id, response.values["recordedDate"], response.labels)
    ```

    They come as ndjson, which takes no options for labels, zones and recodes (documented): each record has
    the codes in `values` and their text in `labels`. A survey without responses has no records.

    Raises:
        UsageError, JobFailed, TransportError, QualtricsError: as `stream()` does.
        DecodeError: as `stream()` does, and for a record that is none, by its number.
    """
    plan = planned("ndjson", options)
    async with open_export(client, survey_id, plan) as export, chunks_of(export, is_quick=True) as chunks:
        found = Records(chunks)
        try:
            yield found
        finally:
            found.end()
