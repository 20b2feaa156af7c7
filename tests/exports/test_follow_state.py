"""What is known between two rounds: as JSON, in a file, and what is remembered of responses."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio.to_thread
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rounds import FILE, START, answer, surveyed
from virtual import virtual

from qualtrics_async import JournalError, UsageError
from qualtrics_async.exports import FollowFile, FollowState
from qualtrics_async.exports.follow_state import Handed, Memory, _Marks
from qualtrics_async.models.responses import Response

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
STATE = FollowState(survey_id="SV_1", since=NOW, token="t", recent=(Handed(NOW, bytes(range(32))),))
MARKS = st.lists(st.sampled_from((b"\0\0", b"\0\1")), min_size=4, max_size=4).map(b"".join)


def response(number: int, text: str = "a", **more: Any) -> Response:
    return Response(response_id=f"R_{number}", values={"QID1_TEXT": text, **more})


def lose_token(path: Path) -> None:
    state = FollowState.from_json(path.read_bytes())
    path.write_bytes(msgspec.structs.replace(state, token=None).to_json())


@given(
    st.text(min_size=1).filter(str.strip),
    st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  (they get their zone)
    st.none() | st.text(),
    st.lists(st.binary(min_size=16, max_size=16), max_size=3),
)
def test_a_state_comes_back_as_it_was(
    survey_id: str, since: datetime, token: str | None, marks: list[bytes]
) -> None:
    """Through JSON, whatever is in it."""
    recent = tuple(Handed(since, mark) for mark in marks)
    state = FollowState(survey_id=survey_id, since=since, token=token, recent=recent)
    assert FollowState.from_json(state.to_json()) == state
    assert FollowState.from_json(state.to_json().decode()) == state


@given(st.data())
def test_a_damaged_state_is_told(data: st.DataObject) -> None:
    """Whatever is cut off or overwritten, there is a state again or the error that says so."""
    text = bytearray(STATE.to_json())
    at = data.draw(st.integers(0, len(text) - 1))
    text[at : at + data.draw(st.integers(0, 20))] = data.draw(st.binary(max_size=20))
    try:
        assert isinstance(FollowState.from_json(bytes(text)), FollowState)
    except JournalError as error:
        assert error.reason in ("damaged", "version")  # noqa: PT017  (most of the time it is none)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "damaged"),
        (b"[]", "damaged"),
        (b"{}", "damaged"),
        (b"\xff", "damaged"),
        (b"[" * 100_000, "damaged"),
        (STATE.to_json()[:-1], "damaged"),
        (STATE.to_json().replace(b"+00:00", b"").replace(b"Z", b""), "damaged"),
        (STATE.to_json().replace(b"2026", b"0001"), "damaged"),
        (STATE.to_json().replace(b'"token"', b'"tokens"'), "damaged"),
        (STATE.to_json().replace(b"SV_1", b" "), "damaged"),
        (msgspec.json.encode({"version": 2, "whatever": 1}), "version"),
    ],
)
def test_what_is_no_state_is_refused(text: bytes, reason: str) -> None:
    """In one line, with what to do, and without a word of its content."""
    with pytest.raises(JournalError, match="begin without a state") as caught:
        FollowState.from_json(text)
    assert caught.value.reason == reason
    assert "\n" not in str(caught.value)


def test_a_state_needs_a_survey_and_an_instant() -> None:
    """What cannot be meant is refused where it is made."""
    for survey_id, since in (
        (" ", NOW),
        ("SV_1", NOW.replace(tzinfo=None)),
        ("SV_1", NOW.replace(year=1999)),
    ):
        with pytest.raises(UsageError):
            FollowState(survey_id=survey_id, since=since)


def test_only_what_was_handed_out_last_is_known() -> None:
    """A response that changes and changes back is new both times, the order of keys is no change."""
    memory = Memory(())
    assert memory.is_new(response(1), repeated=True)
    assert not memory.is_new(response(1), repeated=True)
    assert memory.is_new(response(1, "b"), repeated=True)
    assert memory.is_new(response(1), repeated=True)
    assert memory.is_new(Response(response_id="R_2", values={"x": 1, "y": 2}), repeated=True)
    assert not memory.is_new(Response(response_id="R_2", values={"y": 2, "x": 1}), repeated=True)


@given(st.lists(st.tuples(MARKS, MARKS), max_size=40))
def test_marks_are_kept_like_entries_of_a_dictionary(pairs: list[tuple[bytes, bytes]]) -> None:
    """Also where a mark begins in the middle of another one, or is another one's content."""
    marks, expected = _Marks(), dict[bytes, bytes]()
    for name, content in pairs:
        assert marks.change(name, content) == expected.get(name)
        expected[name] = content


@pytest.mark.parametrize("repeated", [True, False])
def test_a_round_that_is_repeated_has_nothing_new(repeated: bool) -> None:
    """However large it is, until it is over; what has changed meanwhile is new, once."""
    memory = Memory(())
    for expected in (5000, 0, 0):
        assert sum(memory.is_new(response(n), repeated=repeated) for n in range(5000)) == expected
    assert memory.is_new(response(7, "b"), repeated=repeated)
    assert not memory.is_new(response(7, "b"), repeated=repeated)
    memory.end_round(NOW, NOW)
    assert memory.is_new(response(8), repeated=repeated)


def test_a_round_that_repeats_nothing_is_compared_with_itself_alone() -> None:
    """What came in an earlier round comes again if the service says so."""
    memory = Memory(())
    assert memory.is_new(response(1), repeated=False)
    assert not memory.is_new(response(1), repeated=False)
    memory.end_round(NOW, NOW)
    assert not memory.is_new(response(1), repeated=True)
    assert memory.is_new(response(1), repeated=False)


def test_the_memory_is_bounded() -> None:
    """The last two thousand are remembered, in less than 50 kB, and until their round is older than asked."""
    memory = Memory(())
    for number in range(5000):
        assert memory.is_new(response(number), repeated=True)
    recent = memory.end_round(NOW, NOW)
    assert len(FollowState(survey_id="SV_1", since=NOW, recent=recent).to_json()) < 50_000
    again = Memory(recent)
    assert [n for n in range(5000) if not again.is_new(response(n), repeated=True)] == []
    again = Memory(recent)
    assert [n for n in range(3000, 5000) if again.is_new(response(n), repeated=True)] == []
    later = NOW + timedelta(minutes=1)
    assert again.is_new(response(9), repeated=True)
    kept = again.end_round(later, NOW)
    assert [handed.until for handed in kept] == [NOW, later]
    assert [handed.until for handed in again.end_round(later, later)] == [later]


@virtual
async def test_the_file_of_a_state_goes_on(tmp_path: Path) -> None:
    """It is made, is its owner's alone, moves with each round, and no other file is left beside it."""
    path = tmp_path / "follow.json"
    async with surveyed() as survey:
        first = survey.arrive("a")
        found, state = await survey.once(FollowFile(path))
        assert found == [(first, "a")]
        second = survey.arrive("b")
        async with survey.follow(path) as responses:
            assert responses.state == state
            assert [answer(response) async for response in responses] == [(second, "b")]
            state = responses.state
        found, state = await survey.once(str(path))
        assert found == []

    def look() -> None:
        assert FollowState.from_json(path.read_bytes()) == state
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert [file.name for file in tmp_path.iterdir()] == ["follow.json"]

    await anyio.to_thread.run_sync(look)


@pytest.mark.skipif(os.name != "posix", reason="a folder cannot be synced on Windows")
def test_a_state_is_on_the_disk_before_and_after_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file first, then the folder in which it is renamed, also where the name is a link to elsewhere."""
    synced: list[tuple[bool, bytes | None]] = []
    sync, folder = os.fsync, tmp_path / "folder"
    folder.mkdir()
    link, path = tmp_path / "link.json", folder / "follow.json"
    link.symlink_to(path)

    def fsync(handle: int) -> None:
        found = os.fstat(handle)
        is_folder = os.path.samestat(found, folder.stat())
        assert is_folder or found.st_size == len(STATE.to_json())
        synced.append((is_folder, path.read_bytes() if path.exists() else None))
        sync(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    asyncio.run(FollowFile(link).save(STATE))
    assert synced == [(False, None), (True, STATE.to_json())]
    assert link.is_symlink()


@pytest.mark.skipif(os.name != "posix", reason="a folder cannot be synced on Windows")
@pytest.mark.parametrize(("error", "is_passed"), [(errno.EINVAL, True), (errno.EIO, False)])
def test_a_folder_that_cannot_be_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int, is_passed: bool
) -> None:
    """A file system that has no such thing is no failure, a broken disk is one."""
    sync = os.fsync

    def fsync(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(error, os.strerror(error))
        sync(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    with nullcontext() if is_passed else pytest.raises(OSError, match=os.strerror(error)):
        asyncio.run(FollowFile(tmp_path / "follow.json").save(STATE))


@virtual
async def test_a_crash_in_a_round_leaves_no_memory_in_the_file(tmp_path: Path) -> None:
    """A response that was taken in the broken round and changed back since comes again, also by date."""
    path = tmp_path / "follow.json"
    async with surveyed() as survey:
        first = survey.arrive("a")
        survey.arrive("b")
        await survey.once(FollowFile(path))
        survey.change(first, "changed")
        async with survey.follow(FollowFile(path)) as responses:
            assert answer(await anext(responses)) == (first, "changed")
            assert responses.state.recent
        survey.change(first, "a")
        await anyio.to_thread.run_sync(lose_token, path)
        async with survey.follow(FollowFile(path)) as responses:
            assert (first, "a") in [answer(response) async for response in responses]
            assert responses.by == "date"


@pytest.mark.skipif(os.name != "posix", reason="files are not locked on Windows")
@virtual
async def test_a_file_has_one_follower(tmp_path: Path) -> None:
    """A second one is refused before any I/O; when the first is gone, or was killed, the next may begin."""
    path = tmp_path / "follow.json"
    await anyio.to_thread.run_sync((tmp_path / ".follow.json.lock").touch)
    async with surveyed() as survey:
        async with survey.follow(FollowFile(path)):
            with pytest.raises(JournalError, match="in use") as caught:
                async with survey.follow(FollowFile(path)):
                    pass
            assert caught.value.reason == "in use"
        async with survey.follow(FollowFile(path)):
            pass
        assert survey.sandbox.calls.total() == 0


@virtual
async def test_files_that_are_no_state_stay_as_they_are(tmp_path: Path) -> None:
    """Damaged ones, those of another survey, folders, and names in no folder are refused by name."""
    path = tmp_path / "follow.json"

    async def refused(file: Path, error: type[Exception], what: str) -> None:
        with pytest.raises(error, match=rf"^{file}: .*{what}"):
            async with survey.follow(FollowFile(file)):
                pass

    async with surveyed() as survey:
        await anyio.to_thread.run_sync(path.write_text, "precious")
        await refused(path, JournalError, "damaged")
        assert await anyio.to_thread.run_sync(path.read_text) == "precious"
        await anyio.to_thread.run_sync(path.write_bytes, STATE.to_json())
        await refused(path, UsageError, "SV_1")
        await refused(tmp_path, UsageError, "no file")
        await refused(tmp_path / "none" / "follow.json", UsageError, "no such folder")
        assert survey.sandbox.calls.total() == 0


@virtual
async def test_a_file_that_cannot_be_written_repeats_the_round(tmp_path: Path) -> None:
    """The error is raised, the state stays, and who asks again gets the round again."""
    path = tmp_path / "folder" / "follow.json"
    await anyio.to_thread.run_sync(path.parent.mkdir)
    async with surveyed() as survey:
        survey.arrive("a")
        async with survey.follow(FollowFile(path)) as responses:
            await anext(responses)
            await anyio.to_thread.run_sync(path.mkdir)
            with pytest.raises(UsageError, match="folder"):
                await anext(responses)
            assert responses.state is None
            await anyio.to_thread.run_sync(path.rmdir)
            assert [answer(response)[1] async for response in responses] == ["a"]
            assert responses.state is not None
        assert survey.sandbox.calls[FILE, 200] == 2


@virtual
async def test_a_cancelled_commit_is_whole(tmp_path: Path) -> None:
    """The file and the state move together although the consumer is cancelled while they do."""
    path = tmp_path / "follow.json"

    class Interrupted(FollowFile):
        async def save(self, state: FollowState) -> None:
            task.cancel()
            await asyncio.sleep(0.1)
            await super().save(state)

    async with surveyed() as survey:
        survey.arrive("a")
        async with survey.follow(Interrupted(path), every=60) as responses:
            await anext(responses)
            task = asyncio.ensure_future(anext(responses))
            await asyncio.wait({task})
            assert task.cancelled()
            state = responses.state
            assert FollowState.from_json(await anyio.to_thread.run_sync(path.read_bytes)) == state
            survey.arrive("b")
            survey.sandbox.faults.add(kind="status", status=400, route=START)
            assert answer(await anext(responses))[1] == "b"
            assert responses.by == "date"
