"""Files of uploads: which ones can be sent, and what is told of those that cannot."""

from __future__ import annotations

import asyncio
import io
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from sending import CONTENT, Taker, client_at, framed, post, upload_of
from talking import assert_idle
from virtual import run, virtual
from wires import serving

from qualtrics_async import UsageError
from qualtrics_async._core.uploads import FilePart, Source, Upload


@pytest.mark.parametrize("make", [lambda folder: folder / "missing.csv", lambda folder: folder])
@virtual
async def test_a_file_that_cannot_be_opened_is_told_before_anything_is_sent(
    make: Callable[[Path], Path], tmp_path: Path
) -> None:
    """It is the OSError that `open()` raises; not even a connection is made."""
    taker = Taker()
    async with serving(taker) as port, client_at(port) as client:
        with pytest.raises(OSError, match=r"missing\.csv|directory"):
            await post(client, upload_of(make(tmp_path)))
        assert_idle(client)
        assert client._pool._connector is not None
        assert not client._pool._connector._conns
    assert taker.heads == []


class Shrinking(io.BytesIO):
    """A file that ends before the end that it had when it was measured."""

    def seek(self, offset: int, whence: int = 0) -> int:
        """Claim to be twice as long."""
        found = super().seek(offset, whence)
        return found * 2 if whence == os.SEEK_END else found


class Failing(io.BytesIO):
    """A file on a disk that breaks."""

    def read(self, size: int | None = -1) -> bytes:
        """Fail."""
        raise OSError(5, "Input/output error")


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize(
    ("make", "said"),
    [(lambda: Shrinking(b"x" * 400_000), "shorter"), (lambda: Failing(b"x"), "Input/output")],
    ids=["shorter", "broken"],
)
@virtual
async def test_a_file_that_cannot_be_read_to_its_end_is_told(
    method: str, make: Callable[[], Source], said: str
) -> None:
    """The service got no whole request: nothing is in doubt and nothing is repeated."""
    taker = Taker()
    async with serving(taker) as port, client_at(port) as client:
        with pytest.raises(OSError, match=said):
            await post(client, upload_of(make()), method)
        assert_idle(client)
        await asyncio.sleep(1)
    assert len(taker.heads) <= 1
    assert taker.bodies == []


@virtual
async def test_a_file_that_was_cut_before_its_position_is_told() -> None:
    """Its length would be negative."""
    file = io.BytesIO(b"0123456789")
    file.seek(8)
    upload = upload_of(file)
    file.truncate(4)
    taker = Taker()
    async with serving(taker) as port, client_at(port) as client:
        with pytest.raises(OSError, match="shorter"):
            await post(client, upload)
    assert taker.heads == []


def test_a_file_that_grows_is_sent_as_long_as_it_was_measured() -> None:
    """What is added later is not part of it."""

    class Growing(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            place = self.tell()
            self.seek(0, os.SEEK_END)
            self.write(b"more")
            self.seek(place)
            return super().read(size)

    taker = Taker()

    async def main() -> None:
        async with serving(taker) as port, client_at(port) as client:
            await post(client, Upload.file(Growing(CONTENT), "text/csv"))

    run(main())
    assert taker.bodies == [CONTENT]


UNFIT: dict[str, Callable[[Path], Any]] = {
    "text file": lambda folder: (folder / "text").open("w", encoding="utf-8"),
    "text in memory": lambda _: io.StringIO("text"),
    "temporary text": lambda _: tempfile.TemporaryFile("w+", encoding="utf-8"),  # noqa: SIM115  (closed below)
    "named temporary text": lambda folder: tempfile.NamedTemporaryFile("w+", encoding="utf-8", dir=folder),  # noqa: SIM115  (closed below)
    "closed": lambda _: _closed(),
    "str": str,
    "bytearray": lambda _: bytearray(b"x"),
    "none": lambda _: None,
    "iterator": lambda _: iter([b"x"]),
}


def _closed() -> BinaryIO:
    file = io.BytesIO(b"x")
    file.close()
    return file


@pytest.mark.parametrize("kind", UNFIT)
def test_what_cannot_be_sent_again_is_refused(kind: str, tmp_path: Path) -> None:
    """Text has no bytes, a stream no beginning; they are refused where the upload is described."""
    unfit = UNFIT[kind](tmp_path)
    try:
        with pytest.raises(UsageError, match=r"bytes, a pathlib\.Path or an open binary file"):
            Upload.file(unfit, "text/csv")
        with pytest.raises(UsageError):
            upload_of(unfit)
    finally:
        if hasattr(unfit, "close"):
            unfit.close()


def test_a_pipe_is_refused() -> None:
    """What was read of it is gone, so it could not be sent again after a 429."""
    reading, writing = os.pipe()
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe, pytest.raises(UsageError):
        Upload.file(pipe, "text/csv")


def test_one_open_file_may_be_two_parts() -> None:
    """Each begins where the file stood when the part was described."""
    file = io.BytesIO(CONTENT)
    file.seek(5)
    first = FilePart(file, "data.bin")
    upload = Upload.form({"file": first, "again": first}, boundary="limit")
    taker = Taker()

    async def main() -> None:
        async with serving(taker) as port, client_at(port) as client:
            await post(client, upload)

    run(main())
    one = framed(CONTENT[5:]).removesuffix(b"--limit--\r\n")
    assert taker.bodies == [one + framed(CONTENT[5:]).replace(b'name="file"', b'name="again"', 1)]


def test_what_is_uploaded_is_not_shown() -> None:
    """Neither the content nor the names are in what may be printed."""
    part = FilePart(b"jane.doe@example.com", "jane.doe.csv", "text/csv")
    upload = Upload.form({"file": part, "folder": "jane.doe"})
    assert (repr(part), repr(upload)) == ("<FilePart text/csv>", "<Upload multipart/form-data>")
