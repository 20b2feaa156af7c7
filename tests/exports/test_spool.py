"""The file of an export, on disk: the same bytes whatever breaks on the way, or the real error."""

from __future__ import annotations

import asyncio
import errno
import gzip
import io
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryFile
from threading import Event
from typing import Any, BinaryIO

import anyio.to_thread
import pytest
import talking
from hypothesis import given, settings
from hypothesis import strategies as st
from talking import assert_idle, cancelled_everywhere
from vendor import SURVEY, Service, Turn, at, noise, temporary
from virtual import loop, run, virtual

from qualtrics_async import (
    DecodeError,
    NotFound,
    Qualtrics,
    QualtricsError,
    RetryPolicy,
    TimedOut,
    Timeouts,
    TransportError,
    UnexpectedStatus,
    UsageError,
)
from qualtrics_async.exports import Expansion, ExportState
from qualtrics_async.exports import spool as module
from qualtrics_async.exports.options import planned
from qualtrics_async.exports.spool import Spool, spooled

SIZE = 200_000
FILE = noise(SIZE)
OTHER = noise(SIZE - 50_000, seed=2)


async def read(spool: Spool) -> bytes:
    """What is on disk."""

    def whole() -> bytes:
        spool.file.seek(0)
        return spool.file.read()

    return await anyio.to_thread.run_sync(whole)


def filled(service: Service, *, options: dict[str, Any] | None = None, **client: Any) -> bytes:
    """Download a file once; nothing of it is left, however it ends."""

    async def main() -> bytes:
        async with at(service, **client) as opened:
            try:
                plan = planned("csv", options or {})  # type: ignore[arg-type]  # any options
                async with spooled(opened, SURVEY, "F_1", plan) as spool:
                    await spool.fill()
                    assert spool.size == len(await read(spool))
                    return await read(spool)
            finally:
                assert_idle(opened)
                assert await anyio.to_thread.run_sync(temporary) == []

    return run(main())


def test_a_file_comes_as_it_is() -> None:
    """One request, without a range, for the bytes as they are on the server's disk."""
    service = Service(FILE)
    assert filled(service) == FILE
    assert (service.ranges, service.encodings) == ([0], ["identity"])


@virtual
async def test_a_range_begins_at_a_byte() -> None:
    """Not before the first one: refused before anything is sent."""
    service = Service(FILE)
    async with at(service) as client:
        with pytest.raises(UsageError, match="offset"):
            async with client.response_exports.file(SURVEY, "F_1", offset=-1):
                raise AssertionError
        async with client.response_exports.file(SURVEY, "F_1") as download:
            assert await download.read(SIZE) == FILE
    assert service.ranges == [0]
    assert service.encodings != ["identity"]


STAGES = [(0,), (1,), (SIZE // 2,), (SIZE - 1,), (0, 1, 20_000, 20_000), (5, 100_000, SIZE - 2, SIZE - 1)]


@pytest.mark.parametrize("stops", STAGES, ids=str)
def test_what_breaks_off_goes_on_where_it_was(stops: tuple[int, ...]) -> None:
    """No byte is sent twice, and the file must be the one that was begun."""
    service = Service(FILE, *(Turn(stop=stop) for stop in stops), Turn())
    assert filled(service) == FILE
    assert service.sent == SIZE
    assert service.ranges == [0, *stops]
    assert service.validators == [None, *('"one"' if stop else None for stop in stops)]


@pytest.mark.parametrize("stops", STAGES, ids=str)
def test_what_knows_no_ranges_is_begun_again(stops: tuple[int, ...]) -> None:
    """A whole file in answer to a range is written over what was there."""
    service = Service(FILE, *(Turn(stop=stop, ranges=False) for stop in stops), Turn(ranges=False))
    assert filled(service) == FILE
    assert service.sent == SIZE + sum(stops)


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(0, SIZE), st.booleans()), max_size=4))
def test_any_cuts_give_the_same_bytes(cuts: list[tuple[int, bool]]) -> None:
    """Wherever it is cut, and whether or not each answer knows ranges."""
    turns = [Turn(stop=stop, ranges=ranges) for stop, ranges in cuts]
    assert filled(Service(FILE, *turns, Turn())) == FILE


def test_a_range_behind_the_end_begins_again() -> None:
    """416 says that the file is shorter than what is there: it is another one."""
    service = Service(OTHER, Turn(stop=SIZE - 1, content=FILE), Turn(status=416), Turn())
    assert filled(service) == OTHER
    assert service.ranges == [0, SIZE - 1, 0]


def test_416_for_ever_is_told() -> None:
    """As itself, when the client's retries are spent; a file that was never begun is not asked for again."""
    with pytest.raises(UnexpectedStatus, match="416"):
        filled(Service(FILE, Turn(stop=9), Turn(status=416), Turn(stop=9), Turn(status=416)))
    service = Service(FILE, Turn(status=416))
    with pytest.raises(UnexpectedStatus, match="416"):
        filled(service)
    assert service.ranges == [0]


@pytest.mark.parametrize("checks", [True, False], ids=["If-Range is heeded", "If-Range is ignored"])
@pytest.mark.parametrize("size", [len(OTHER), SIZE], ids=["shorter", "as long"])
def test_another_file_meanwhile_is_taken_from_its_beginning(size: int, *, checks: bool) -> None:
    """Two halves of two files are never put together, whatever the server makes of the validator."""
    other = noise(size, seed=3)
    changed = Turn(content=other, etag='"two"', checks=checks)
    service = Service(FILE, Turn(stop=100_000), changed)
    assert filled(service) == other
    assert service.ranges == ([0, 100_000] if checks else [0, 100_000, 0])


@pytest.mark.parametrize(
    "turn",
    [Turn(start=99_999), Turn(start=0), Turn(total=SIZE + 1), Turn(total="none"), Turn(total="9" * 5000)],
    ids=["before", "whole", "another size", "no range", "no number"],
)
def test_a_part_that_does_not_fit_is_not_taken(turn: Turn) -> None:
    """It would be written at the wrong place: the file is begun again."""
    service = Service(FILE, Turn(stop=100_000), turn, Turn())
    assert filled(service) == FILE
    assert service.ranges == [0, 100_000, 0]


def test_parts_that_never_fit_are_told() -> None:
    """The client's retries bound that as well."""
    service = Service(FILE, Turn(stop=9), Turn(start=3), Turn(stop=9), Turn(start=3))
    with pytest.raises(TransportError, match="do not fit"):
        filled(service, retry=RetryPolicy(retries=3, base=0))
    assert service.ranges == [0, 9, 0, 9]


def test_a_part_may_be_shorter_than_what_was_asked_for() -> None:
    """RFC 9110 allows it; it is no fault, so no retry is needed for it."""
    service = Service(FILE, Turn(stop=50_000), Turn(only=30_000))
    assert filled(service, retry=RetryPolicy(retries=1, base=0)) == FILE
    assert service.ranges == [0, 50_000, 80_000, 110_000, 140_000, 170_000]
    assert service.sent == SIZE


@pytest.mark.parametrize("etag", ['W/"one"', None], ids=["weak", "none"])
def test_only_a_strong_validator_is_sent_back(etag: str | None) -> None:
    """A weak one says nothing about bytes (RFC 9110); the size of the file is compared all the same."""
    service = Service(FILE, Turn(stop=100_000, etag=etag), Turn(etag=etag))
    assert filled(service) == FILE
    assert service.validators == [None, None]
    service = Service(
        FILE, Turn(stop=100_000, etag=etag), Turn(etag=etag, content=OTHER), Turn(content=OTHER)
    )
    assert filled(service) == OTHER


def test_what_is_encoded_on_the_way_is_not_resumed() -> None:
    """Its bytes are not counted as those on the server's disk are."""
    packed = gzip.compress(FILE)
    encoded = Turn(content=packed, headers=("Content-Encoding: gzip",))
    assert filled(Service(packed, encoded)) == FILE
    cut = Turn(content=packed, stop=100_000, headers=("Content-Encoding: gzip",))
    service = Service(packed, cut, encoded)
    assert filled(service) == FILE
    assert service.ranges == [0, 0]


@pytest.mark.parametrize("by", [1, 100_000])
def test_a_length_that_promises_too_much_is_a_cut(by: int) -> None:
    """The rest is asked for, the service says that there is none, and the file is taken anew."""
    service = Service(FILE, Turn(length=SIZE + by), Turn(status=416), Turn())
    assert filled(service) == FILE
    assert service.ranges == [0, SIZE, 0]


def test_faults_are_counted_and_the_last_one_is_told() -> None:
    """The client's `retry` says how many; nothing is asked for after that."""
    service = Service(FILE, Turn(stop=100))
    with pytest.raises(TransportError, match=r"/file"):
        filled(service, retry=RetryPolicy(retries=2, base=0))
    assert service.ranges == [0, 100, 100]


@pytest.mark.parametrize("retries", [0, 3])
def test_no_answer_at_all_is_repeated_once_over(retries: int) -> None:
    """The client has repeated it already: a second round of retries would square them."""
    service = Service(FILE, hangs_up=True)
    with pytest.raises(TransportError):
        filled(service, retry=RetryPolicy(retries=retries, base=0))
    assert len(service.ranges) == retries + 1


def test_getting_on_forgives_what_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long download may break off any number of times, as long as it gets on in between."""
    monkeypatch.setattr(module, "_PROGRESS", 10_000)
    service = Service(FILE, *(Turn(stop=stop) for stop in range(10_000, SIZE, 10_000)), Turn())
    assert filled(service, retry=RetryPolicy(retries=1, base=0)) == FILE
    assert service.sent == SIZE
    service = Service(FILE, *(Turn(stop=stop) for stop in range(5_000, SIZE, 5_000)), Turn())
    with pytest.raises(TransportError):
        filled(service, retry=RetryPolicy(retries=1, base=0))


def test_repeats_wait_longer_each_time() -> None:
    """As the client's `retry` has it: base, twice that, and so on up to the cap."""

    async def main() -> float:
        service = Service(FILE, *[Turn(stop=100, silence=0)] * 4, Turn())
        async with (
            at(service, retry=RetryPolicy(base=10, cap=30)) as client,
            spooled(client, SURVEY, "F_1", planned("csv", {})) as spool,
        ):
            await spool.fill()
            return loop().time()

    assert run(main()) == pytest.approx(10 + 20 + 30 + 30, abs=1)


def test_a_body_that_falls_silent_is_asked_for_anew() -> None:
    """Each piece has the time of an attempt, then the rest is asked for."""
    service = Service(FILE, Turn(stop=100_000, silence=1e6), Turn())
    assert filled(service, timeouts=Timeouts(attempt=7)) == FILE
    assert service.ranges == [0, 100_000]
    with pytest.raises(TimedOut):
        filled(Service(FILE, Turn(stop=9, silence=1e6)), timeouts=Timeouts(attempt=7))


def test_what_is_refused_is_told_at_once() -> None:
    """A file that is gone does not come back."""
    service = Service(FILE, Turn(stop=100), Turn(status=404))
    with pytest.raises(NotFound):
        filled(service)
    assert service.ranges == [0, 100]


def test_a_file_beyond_all_bounds_is_not_kept() -> None:
    """What is packed larger than it may be when it is not would only fill the disk."""
    with pytest.raises(DecodeError, match=r"larger than the 150000 bytes.*max_bytes") as told:
        filled(Service(FILE), options={"expansion": Expansion(max_bytes=150_000)})
    assert not told.value.transient


class Disk:
    """A temporary file on a disk that takes `room` bytes, `step` of them at a time."""

    def __init__(self, file: BinaryIO, room: int, step: int) -> None:
        self.seek, self.read, self.truncate, self.close = file.seek, file.read, file.truncate, file.close
        self._file = file
        self._room = room
        self._step = step

    def write(self, data: bytes) -> int:
        """Take a part."""
        part = data[: min(self._step, self._room)]
        if not part:
            raise OSError(errno.ENOSPC, "No space left on device")
        self._room -= len(part)
        return self._file.write(part)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], None]:
    """Let temporary files be on such a disk."""
    made: Any = TemporaryFile

    def small(room: int, step: int) -> None:
        monkeypatch.setattr(module, "TemporaryFile", lambda **options: Disk(made(**options), room, step))

    return small


def test_a_disk_may_take_less_than_it_is_given(disk: Callable[[int, int], None]) -> None:
    """Nothing is lost by a short write."""
    disk(SIZE, 777)
    assert filled(Service(FILE)) == FILE


@pytest.mark.parametrize("room", [0, 1, SIZE - 1])
def test_a_full_disk_is_told_as_that(room: int, disk: Callable[[int, int], None]) -> None:
    """It is nobody's fault on the way: nothing is asked for again, and nothing stays behind."""
    disk(room, SIZE)
    service = Service(FILE)
    with pytest.raises(OSError, match="No space left") as told:
        filled(service)
    assert told.value.errno == errno.ENOSPC
    assert not isinstance(told.value, QualtricsError)
    assert service.ranges == [0]


def test_a_second_filling_replaces_the_first() -> None:
    """For a file that turns out to be no archive: all of it is downloaded again, with nothing of the old."""

    async def main() -> None:
        service = Service(FILE, Turn(), Turn(content=OTHER, etag='"two"'))
        async with at(service) as client, spooled(client, SURVEY, "F_1", planned("csv", {})) as spool:
            await spool.fill()
            await spool.fill()
            assert await read(spool) == OTHER
        assert service.validators == [None, None]

    run(main())


def test_progress_is_told_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the whole size, in answers to ranges too; an exception of the listener's leaves as itself."""
    monkeypatch.setattr(module, "_PIECE", 1)
    states: list[ExportState] = []
    service = Service(FILE, Turn(stop=100_000), Turn())
    assert filled(service, options={"on_progress": states.append}) == FILE
    done = [state.done for state in states]
    assert done == sorted(done)
    assert done[-1] == SIZE
    assert {(state.phase, state.total, state.survey_id) for state in states} == {
        ("downloading", SIZE, SURVEY)
    }

    def complain(_: ExportState) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        filled(Service(FILE), options={"on_progress": complain})


@pytest.mark.parametrize("at_once", [True, False])
def test_it_can_be_cancelled_anywhere(*, at_once: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it waits, receives, writes or repeats: no file, no connection and no thread stays."""
    serves = talking._serves
    monkeypatch.setattr(talking, "_serves", lambda task: serves(task) or "guarded" in repr(task.get_coro()))
    monkeypatch.setattr(module, "_PIECE", 50_000)

    async def main() -> None:
        service = Service(FILE)
        async with at(service) as client:

            async def fill() -> None:
                service._turns[:] = [Turn(stop=100_000), Turn()]
                async with spooled(client, SURVEY, "F_1", planned("csv", {})) as spool:
                    await spool.fill()
                    assert await read(spool) == FILE

            async def check() -> None:
                assert await anyio.to_thread.run_sync(temporary) == []
                assert_idle(client)

            assert await cancelled_everywhere(fill, check, at_once=at_once) > 5

    run(main())


def test_a_cancellation_waits_for_the_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is closed when nothing is being written to it any more, even for who is cancelled twice."""
    writing, go_on, closed, order = Event(), Event(), Event(), list[str]()

    class Slow(Disk):
        def __init__(self, file: BinaryIO) -> None:
            super().__init__(file, SIZE, SIZE)
            self.close = self._close
            self._shut = file.close

        def write(self, data: bytes) -> int:
            writing.set()
            go_on.wait(5)
            order.append("written")
            return super().write(data)

        def _close(self) -> None:
            order.append("closed")
            closed.set()
            self._shut()

    made: Any = TemporaryFile
    monkeypatch.setattr(module, "TemporaryFile", lambda **options: Slow(made(**options)))

    async def fill(client: Qualtrics) -> None:
        async with spooled(client, SURVEY, "F_1", planned("csv", {})) as spool:
            await spool.fill()

    async def main() -> None:
        async with at(Service(FILE)) as client:
            task = asyncio.create_task(fill(client))
            await asyncio.to_thread(writing.wait, 5)
            for _ in range(2):
                task.cancel()
                await asyncio.sleep(0)
            assert not await asyncio.to_thread(closed.wait, 0.1)
            assert not task.done()
            go_on.set()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())
    assert order == ["written", "closed"]


def test_the_file_has_no_name() -> None:
    """A crash leaves nothing behind, and nobody else can open it."""

    async def main() -> None:
        async with at(Service(FILE)) as client, spooled(client, SURVEY, "F_1", planned("csv", {})) as spool:
            await spool.fill()
            (name,) = await anyio.to_thread.run_sync(temporary)
            assert name.endswith("(deleted)")
            assert not await anyio.to_thread.run_sync(Path(name).exists)
            assert isinstance(spool.file, io.RawIOBase)

    run(main())
