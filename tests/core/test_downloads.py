"""How what is read piece by piece becomes a file: complete, or not at all."""

from __future__ import annotations

import asyncio
import errno
import tracemalloc
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import pytest
from sending import MEBIBYTE, client_at, open_below
from talking import assert_idle, cancelled_everywhere, talking
from virtual import loop, run
from wires import OK, Reader, Writer, answered, head_of, serving

from qualtrics_async import Download, NotFound, Qualtrics, TimedOut, Timeouts, TransportError, UsageError

CONTENT = bytes(range(256)) * 4096  # 1 MiB
BEFORE = b"what was there before"


class Giver:
    """Answers with a file, up to `stop` bytes of it; there it hangs up, after so many seconds of silence."""

    def __init__(self, content: bytes = CONTENT, stop: int | None = None, silence: float = 0.0) -> None:
        self.asked = 0
        self._content = content
        self._stop = len(content) if stop is None else stop
        self._silence = silence

    async def __call__(self, reader: Reader, writer: Writer) -> None:
        """Serve one connection."""
        while await head_of(reader):
            self.asked += 1
            writer.write(answered(b"", "200 OK").replace(b": 0\r\n", b": %d\r\n" % len(self._content)))
            writer.write(self._content[: self._stop])
            await writer.drain()
            if self._stop < len(self._content):
                await asyncio.sleep(self._silence)
                return


async def save(client: Qualtrics, path: Path) -> int:
    async with client.stream("GET", "/things/file") as download:
        return await download.save(path)


def in_folder(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def saved(giver: Giver, path: Path, **options: Any) -> int:
    """Download a file once; the connection and the slot are given back however it ends."""

    async def main() -> int:
        async with serving(giver) as port, client_at(port, **options) as client:
            try:
                return await save(client, path)
            finally:
                assert_idle(client)

    return run(main())


def test_what_was_read_is_not_read_again(tmp_path: Path) -> None:
    """A second time nothing, or the rest, would pass for the whole and replace the file."""
    path = tmp_path / "data.zip"

    async def main() -> None:
        async with serving(Giver()) as port, client_at(port) as client:
            async with client.stream("GET", "/things/file") as download:
                await download.save(path)
                with pytest.raises(UsageError, match="read already"):
                    await download.save(path)
                with pytest.raises(UsageError, match="read already"):
                    await download.read(MEBIBYTE)
            async with client.stream("GET", "/things/file") as unread:
                pass
            with pytest.raises(UsageError, match="has ended"):
                await unread.read(MEBIBYTE)

    run(main())
    assert in_folder(tmp_path) == {"data.zip": CONTENT}


@pytest.mark.parametrize("content", [CONTENT, b"", b"x"], ids=len)
def test_a_file_is_saved_whole(content: bytes, tmp_path: Path) -> None:
    """Its length is told, and nothing else is in the folder."""
    assert saved(Giver(content), tmp_path / "data.zip") == len(content)
    assert in_folder(tmp_path) == {"data.zip": content}


def test_a_path_may_be_text(tmp_path: Path) -> None:
    """As everywhere in the standard library."""
    assert saved(Giver(b"x"), str(tmp_path / "data.zip")) == 1  # type: ignore[arg-type]  # the point
    assert in_folder(tmp_path) == {"data.zip": b"x"}


def test_a_complete_file_replaces_the_one_before(tmp_path: Path) -> None:
    """At once: whoever has the old one open goes on reading it."""
    path = tmp_path / "data.zip"
    path.write_bytes(BEFORE)
    with path.open("rb") as before:
        saved(Giver(), path)
        assert before.read() == BEFORE
    assert in_folder(tmp_path) == {"data.zip": CONTENT}


@pytest.mark.parametrize("existing", [True, False])
@pytest.mark.parametrize("stop", [0, 1, 500_000, len(CONTENT) - 1])
def test_what_breaks_off_leaves_no_file(stop: int, existing: bool, tmp_path: Path) -> None:
    """What was there before stays as it was; nothing is asked for twice once the body has begun."""
    path = tmp_path / "data.zip"
    if existing:
        path.write_bytes(BEFORE)
    giver = Giver(stop=stop)
    with pytest.raises(TransportError):
        saved(giver, path)
    assert in_folder(tmp_path) == ({"data.zip": BEFORE} if existing else {})
    assert giver.asked == 1


def test_what_falls_silent_leaves_no_file(tmp_path: Path) -> None:
    """Each piece has the time of an attempt."""

    async def main() -> float:
        giver = Giver(stop=500_000, silence=1000)
        async with serving(giver) as port, client_at(port, timeouts=Timeouts(attempt=7)) as client:
            began = loop().time()
            with pytest.raises(TimedOut):
                await save(client, tmp_path / "data.zip")
            assert_idle(client)
            return loop().time() - began

    assert run(main()) == pytest.approx(7, abs=0.1)
    assert in_folder(tmp_path) == {}


def test_what_is_refused_leaves_no_file(tmp_path: Path) -> None:
    """An error has a body too; it is no file."""

    async def refuse(reader: Reader, writer: Writer) -> None:
        while await head_of(reader):
            writer.write(answered(OK, "404 Not Found"))

    async def main() -> None:
        async with serving(refuse) as port, client_at(port) as client:
            with pytest.raises(NotFound):
                await save(client, tmp_path / "data.zip")

    run(main())
    assert in_folder(tmp_path) == {}


@pytest.mark.parametrize("existing", [True, False])
@pytest.mark.parametrize("at_once", [True, False])
def test_a_download_can_be_cancelled_anywhere(*, at_once: bool, existing: bool, tmp_path: Path) -> None:
    """The file is complete or as it was before; no part of it, no descriptor and no connection is left."""
    path = tmp_path / "data.zip"
    content = CONTENT[:200_000]
    seen: set[bytes | None] = set()

    def look() -> None:
        found = in_folder(tmp_path)
        assert set(found) <= {"data.zip"}
        assert found.get("data.zip") in {content, BEFORE if existing else None}
        assert open_below(tmp_path) == []
        seen.add(found.get("data.zip"))
        path.unlink(missing_ok=True)
        if existing:
            path.write_bytes(BEFORE)

    async def main() -> None:
        async with talking() as (sandbox, client):
            automation_id = sandbox.state.add_automation("Nightly load")
            file = {"id": "AFL_1", "name": "data.zip", "tag": None, "content": content}
            sandbox.state.shelf("automation file").put(automation_id, "AFL_1", record=file)

            async def download() -> None:
                async with client.automations.files.content(automation_id, "AFL_1") as found:
                    assert await found.save(path) == len(content)

            async def check() -> None:
                await asyncio.to_thread(look)
                assert_idle(client)

            assert await cancelled_everywhere(download, check, at_once=at_once) > 2

    if existing:
        path.write_bytes(BEFORE)
    run(main())
    assert seen == {content, BEFORE if existing else None}


class Pieces(Download):
    """A download of given pieces."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        super().__init__(200, {})
        self._pieces = pieces

    async def chunks(self) -> AsyncGenerator[bytes]:
        """Yield them, or raise."""
        for piece in self._pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    async def read(self, limit: int) -> bytes:
        """Join them."""
        return b"".join([piece async for piece in self.chunks()])[:limit]


@pytest.mark.parametrize(
    ("where", "error"),
    [
        (lambda folder: folder / "nowhere" / "data.zip", FileNotFoundError),
        (lambda folder: folder / "file" / "data.zip", NotADirectoryError),
        (lambda folder: folder / "folder", IsADirectoryError),
    ],
    ids=["no folder", "a file for a folder", "a folder for a file"],
)
def test_a_place_where_no_file_can_be_is_told(
    where: Callable[[Path], Path], error: type[OSError], tmp_path: Path
) -> None:
    """As `open()` would tell it, and nothing stays behind."""
    (tmp_path / "file").write_bytes(BEFORE)
    (tmp_path / "folder").mkdir()
    with pytest.raises(error):
        asyncio.run(Pieces(b"x").save(where(tmp_path)))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file that could not be written cannot be flushed either; it is taken away all the same."""
    opened = Path.open

    class Full:
        def __init__(self, path: Path) -> None:
            self._file = opened(path, "xb")

        def write(self, chunk: bytes) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        def close(self) -> None:
            self._file.close()
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", lambda self, mode: Full(self))
        with pytest.raises(OSError, match="No space left"):
            asyncio.run(Pieces(b"x").save(tmp_path / "data.zip"))
    assert in_folder(tmp_path) == {}


def test_what_cannot_be_flushed_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last bytes may fail to reach the disk: then the old file stays."""
    (tmp_path / "data.zip").write_bytes(BEFORE)
    opened = Path.open

    class Late:
        def __init__(self, path: Path) -> None:
            self._file = opened(path, "xb")
            self.write = self._file.write

        def close(self) -> None:
            self._file.close()
            raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", lambda self, mode: Late(self))
        with pytest.raises(OSError, match="Input/output"):
            asyncio.run(Pieces(b"x").save(tmp_path / "data.zip"))
    assert in_folder(tmp_path) == {"data.zip": BEFORE}


def test_an_exception_of_any_kind_leaves_nothing(tmp_path: Path) -> None:
    """It leaves as itself."""
    with pytest.raises(ZeroDivisionError):
        asyncio.run(Pieces(b"x", ZeroDivisionError()).save(tmp_path / "data.zip"))
    assert in_folder(tmp_path) == {}


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """Of 50 MB hardly more than a few pieces are held at once."""
    piece = bytes(MEBIBYTE)

    async def give(reader: Reader, writer: Writer) -> None:
        while await head_of(reader):
            writer.write(answered(b"", "200 OK").replace(b": 0\r\n", b": %d\r\n" % (50 * MEBIBYTE)))
            for _ in range(50):
                writer.write(piece)
                await writer.drain()

    async def main() -> int:
        async with serving(give) as port, client_at(port) as client:
            tracemalloc.start()
            try:
                assert await save(client, tmp_path / "data.zip") == 50 * MEBIBYTE
                return tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()

    assert run(main()) < 6 * MEBIBYTE
    assert (tmp_path / "data.zip").stat().st_size == 50 * MEBIBYTE
