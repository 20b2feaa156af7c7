"""Responses in a file: the same bytes as the stream's, complete under the final name or not there at all."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import zipfile
from functools import partial
from io import BytesIO
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import anyio.to_thread
import pytest
from outward import (
    FILE,
    FORMATS,
    ODD_NAMES,
    START,
    asynchronous,
    content,
    inside,
    mode,
    scene,
    settled,
    write,
)
from steps import Steps
from vendor import HEADER, SURVEY, Entry, Service, at, by_hand, zipped

from qualtrics_async import (
    DecodeError,
    InvalidRequest,
    JobFailed,
    RetryPolicy,
    TransportError,
    UsageError,
    exports,
)
from qualtrics_async.exports import Expansion, ExportState, saving
from qualtrics_async.exports.saving import Target, target_in
from qualtrics_async.sandbox import Exports

if TYPE_CHECKING:
    from collections.abc import Coroutine

POSIX = pytest.mark.skipif(os.name != "posix", reason="devices and limits of POSIX")
SEVERAL = Exports(rows=2)


@pytest.mark.parametrize(
    ("form", "members"), [*((form, 1) for form in FORMATS), *((form, 2) for form in ("csv", "tsv", "ndjson"))]
)
@asynchronous
async def test_a_file_has_what_the_stream_gives(form: str, members: int, tmp_path: Path) -> None:
    """Each format, told by the suffix, equal to the byte; also when the archive has several files."""
    path = tmp_path / f"responses.{form}"
    async with scene(exports=Exports(rows=4 - members)) as s:
        done = await exports.to_file(s.client, s.survey_id, path)
        wanted = await s.streamed(s.survey_id, form)
    assert await content(path) == wanted
    assert (done.survey_id, done.path, done.format, done.size) == (s.survey_id, path, form, len(wanted))
    assert done.info.format == form
    assert len(done.info.members) == members
    assert await inside(tmp_path) == [path.name]


@POSIX
@pytest.mark.parametrize(("before", "after"), [(None, 0o640), (0o600, 0o600), (0o664, 0o664), (0o444, 0o444)])
@asynchronous
async def test_a_file_is_for_whom_the_one_before_was(before: int | None, after: int, tmp_path: Path) -> None:
    """Where there was none, for whom the umask says."""
    path = tmp_path / "responses.csv"
    if before is not None:
        await write(path, b"old")
        await anyio.to_thread.run_sync(path.chmod, before)
    umask = os.umask(0o027)
    try:
        async with scene() as s:
            await exports.to_file(s.client, s.survey_id, path)
    finally:
        os.umask(umask)
    assert await mode(path) == after
    assert await inside(tmp_path) == [path.name]


@pytest.mark.parametrize(
    ("name", "form"),
    [("a.CSV", "csv"), ("a.jsonl", "ndjson"), ("a.sav", "spss"), ("a.xml", "xml"), ("a.txt", "tsv")],
)
@asynchronous
async def test_the_format_is_asked_for(name: str, form: Any, tmp_path: Path) -> None:
    """The suffix says it, in any case; a format that is given says it for any other suffix."""
    async with scene(record_bodies=True) as s:
        s.sandbox.faults.add(kind="status", status=400, route=START)
        given = form if name.endswith(".txt") else None
        with pytest.raises(InvalidRequest):
            await exports.to_file(s.client, s.survey_id, tmp_path / name, format=given)
        assert [json.loads(record.body or b"")["format"] for record in s.sandbox.requests] == [form]
    assert await inside(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("responses", {}, "its suffix says no format"),
        ("responses.txt", {}, "its suffix says no format"),
        ("responses.parquet", {}, "exports.to_parquet()"),
        ("responses.csv", {"format": "doc"}, "format is one of"),
        ("responses.json", {"use_labels": True}, "use_labels"),
        ("nowhere/responses.csv", {}, "there is no such folder"),
        ("folder.csv", {}, "it is a folder"),
    ],
)
@asynchronous
async def test_what_cannot_be_meant_is_refused_first(
    name: str, options: Any, said: str, tmp_path: Path
) -> None:
    """Before any request."""
    await anyio.to_thread.run_sync((tmp_path / "folder.csv").mkdir)
    async with scene() as s:
        with pytest.raises(UsageError, match=said.replace("(", r"\(").replace(")", r"\)")):
            await exports.to_file(s.client, s.survey_id, tmp_path / name, **options)
        assert s.sandbox.requests == []


@pytest.mark.parametrize("survey_id", ["", " ", "..", "a/b"])
@asynchronous
async def test_a_bad_id_is_refused_first(survey_id: str, tmp_path: Path) -> None:
    """Before any request, and before there is any file."""
    await write(tmp_path / "a.csv", b"precious")
    async with scene() as s:
        with pytest.raises(UsageError):
            await exports.to_file(s.client, survey_id, tmp_path / "a.csv")
        assert s.sandbox.requests == []
    assert await content(tmp_path / "a.csv") == b"precious"


@pytest.mark.parametrize("form", ["csv", "json"])
@asynchronous
async def test_a_zip_is_kept_as_it_came(form: Any, tmp_path: Path) -> None:
    """The archive of the service, byte by byte, with all of its files; `format` is what is inside."""
    path = tmp_path / "responses.zip"
    async with scene(exports=SEVERAL) as s:
        done = await exports.to_file(s.client, s.survey_id, path, format=form)
        assert done.size == done.info.packed == len(await content(path))
        assert (done.format, len(done.info.members)) == (form, 2)
    with zipfile.ZipFile(BytesIO(await content(path))) as archive:
        assert archive.testzip() is None
        assert [found.file_size for found in archive.infolist()] == [one.size for one in done.info.members]


NAME_CUT_IN_A_CHARACTER = by_hand(Entry("Zoë".encode()[:-1], HEADER + b"R_1,a\n", flags=0x800))


@asynchronous
async def test_a_name_that_is_cut_in_a_character_is_no_fault(tmp_path: Path) -> None:
    """Not where the archive is kept as it came, which names no member."""
    async with at(Service(NAME_CUT_IN_A_CHARACTER)) as client:
        await exports.to_file(client, SURVEY, tmp_path / "a.zip")
    assert await content(tmp_path / "a.zip") == NAME_CUT_IN_A_CHARACTER


@POSIX
@asynchronous
async def test_a_pipe_needs_no_name_of_a_member(tmp_path: Path) -> None:
    """What is checked before, for what cannot be taken back, is read like what is written."""
    pipe = tmp_path / "pipe"
    await anyio.to_thread.run_sync(os.mkfifo, pipe)
    async with at(Service(NAME_CUT_IN_A_CHARACTER)) as client:
        reading = asyncio.create_task(content(pipe))
        await exports.to_file(client, SURVEY, pipe, format="csv")
        assert await reading == HEADER + b"R_1,a\n"


@pytest.mark.parametrize("name", ODD_NAMES)
@asynchronous
async def test_the_name_of_a_survey_is_no_path(name: str, tmp_path: Path) -> None:
    """Whatever the survey is called, there is the one file that was asked for."""
    folder = tmp_path / "deep" / "inside"
    await anyio.to_thread.run_sync(partial(folder.mkdir, parents=True))
    async with scene(exports=Exports(raw_names=True)) as s:
        survey_id = s.survey(name=name)
        done = await exports.to_file(s.client, survey_id, folder / "a.csv")
        assert name in done.info.members[0].name
        await exports.to_file(s.client, survey_id, folder / "a.zip")
    assert await inside(tmp_path) == ["deep", "deep/inside", "deep/inside/a.csv", "deep/inside/a.zip"]


@pytest.mark.parametrize("suffix", ["csv", "zip"])
@pytest.mark.parametrize(
    "fault", [{"kind": "corrupt"}, {"kind": "archive", "damage": "checksum"}, {"kind": "archive"}]
)
@asynchronous
async def test_a_corrupt_download_is_done_again(suffix: str, fault: Any, tmp_path: Path) -> None:
    """Its checksum is seen to be wrong, and the file is fetched once more; the export is made only once."""
    path = tmp_path / f"responses.{suffix}"
    async with scene() as s:
        s.sandbox.faults.add(route=FILE, times=2, **fault)
        done = await exports.to_file(s.client, s.survey_id, path)
        assert (s.count(START), s.count(FILE)) == (1, 3)
        if suffix == "csv":
            assert await content(path) == await s.streamed(s.survey_id)
        assert done.size == len(await content(path))
    assert await inside(tmp_path) == [path.name]


@asynchronous
async def test_a_file_that_grew_is_begun_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was written of the corrupt download is not in the file, though that was longer."""
    monkeypatch.setattr(saving, "_STEP", 1)
    path = tmp_path / "responses.ndjson"
    async with scene() as s:
        s.sandbox.state.add_responses(s.survey_id, 4000)
        wanted = await s.streamed(s.survey_id, "ndjson")
        assert len(wanted) > 1_000_000
        damaged = s.sandbox.faults.add(route=FILE, kind="archive", damage="checksum")
        done = []

        def watch(state: ExportState) -> None:
            if state.phase == "reading":
                done.append(state.done)

        made = await exports.to_file(s.client, s.survey_id, path, on_progress=watch)
        assert damaged.used == 1
    assert await content(path) == wanted
    assert made.size == len(wanted)
    assert done != sorted(done)
    assert done[-1] == len(wanted)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "corrupt"}, DecodeError),
        ({"kind": "archive", "damage": "liar"}, DecodeError),
        ({"kind": "archive", "damage": "liar", "by": -10}, DecodeError),
        ({"kind": "cut", "at": 50}, TransportError),
        ({"kind": "truncated"}, TransportError),
        ({"kind": "wrong_length"}, TransportError),
    ],
    ids=str,
)
@pytest.mark.parametrize("suffix", ["csv", "zip"])
@asynchronous
async def test_what_stays_broken_is_an_error(suffix: str, fault: Any, error: Any, tmp_path: Path) -> None:
    """After as many tries as `retry` allows; what was there before is still there, and nothing beside it."""
    path = tmp_path / f"responses.{suffix}"
    await write(path, b"precious")
    async with scene(client={"retry": RetryPolicy(retries=2, base=0)}, exports=Exports(ranges=False)) as s:
        s.sandbox.faults.add(route=FILE, times=None, **fault)
        with pytest.raises(error):
            await exports.to_file(s.client, s.survey_id, path)
        assert s.count(START) == 1
        assert 3 <= s.count(FILE) <= 9
    assert await content(path) == b"precious"
    assert await inside(tmp_path) == [path.name]


@asynchronous
async def test_a_bomb_is_not_fetched_twice(tmp_path: Path) -> None:
    """What expands too far is refused, as it would be the next time."""
    async with scene() as s:
        s.sandbox.faults.add(route=FILE, kind="archive", damage="bomb", size=1_000_000)
        with pytest.raises(DecodeError, match=r"expansion\.max_bytes"):
            await exports.to_file(
                s.client, s.survey_id, tmp_path / "a.csv", expansion=Expansion(max_bytes=100_000)
            )
        assert s.count(FILE) == 1
    assert await inside(tmp_path) == []


@asynchronous
async def test_several_files_of_json_are_kept_as_a_zip(tmp_path: Path) -> None:
    """They are no one file; the error says what to do, and that works."""
    async with scene(exports=SEVERAL) as s:
        with pytest.raises(DecodeError, match=r"save the archive as a \.zip"):
            await exports.to_file(s.client, s.survey_id, tmp_path / "a.json")
        assert s.count(FILE) == 1
        await exports.to_file(s.client, s.survey_id, tmp_path / "a.zip", format="json")
    assert await inside(tmp_path) == ["a.zip"]


@asynchronous
async def test_a_failed_export_leaves_nothing(tmp_path: Path) -> None:
    """Its error is the job's."""
    async with scene() as s:
        s.sandbox.faults.add(route=START, kind="failed_job")
        with pytest.raises(JobFailed):
            await exports.to_file(s.client, s.survey_id, tmp_path / "a.csv")
    assert await inside(tmp_path) == []


@pytest.mark.skipif(sys.platform != "linux", reason="there is a device that is always full")
@asynchronous
async def test_a_full_disk_is_named() -> None:
    """The error says which file could not be written."""
    async with scene() as s:
        with pytest.raises(OSError, match="No space left on device") as raised:
            await exports.to_file(s.client, s.survey_id, "/dev/full", format="csv")
    assert raised.value.filename == "/dev/full"


@POSIX
@asynchronous
async def test_a_disk_that_fills_up_is_named(tmp_path: Path) -> None:
    """In the middle of the file, too: it says so, and what was written is gone."""
    import resource

    path = tmp_path / "responses.csv"
    async with scene() as s:
        for _ in range(2000):
            s.sandbox.state.add_response(s.survey_id, {"QID2_TEXT": "much the same " * 100})
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
        try:
            with pytest.raises(OSError, match="File too large") as raised:
                await exports.to_file(s.client, s.survey_id, path)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert raised.value.filename == str(path)
    assert await inside(tmp_path) == []


@pytest.mark.skipif(sys.platform != "linux", reason="nobody may write there, whoever it is")
@asynchronous
async def test_a_folder_that_cannot_be_written_to_is_named() -> None:
    """Before the service is asked for anything."""
    async with scene() as s:
        with pytest.raises(OSError, match="responses") as raised:
            await exports.to_file(s.client, s.survey_id, "/proc/responses.csv")
        assert s.sandbox.requests == []
    assert raised.value.filename == "/proc/responses.csv"


@POSIX
@pytest.mark.parametrize("fault", [None, {"kind": "corrupt"}, {"kind": "archive", "damage": "checksum"}])
@asynchronous
async def test_a_pipe_gets_only_what_is_right(fault: Any, tmp_path: Path) -> None:
    """What cannot be taken back is written when all checksums are known to be right."""
    pipe = tmp_path / "pipe"
    await anyio.to_thread.run_sync(os.mkfifo, pipe)
    async with scene() as s:
        s.sandbox.state.add_responses(s.survey_id, 4000)
        wanted = await s.streamed(s.survey_id)
        if fault is not None:
            s.sandbox.faults.add(route=FILE, **fault)
        assert len(wanted) > 1_000_000
        reading = asyncio.create_task(content(pipe))
        done = await exports.to_file(s.client, s.survey_id, pipe, format="csv")
        assert await reading == wanted
        assert done.size == len(wanted)


class _Slow(BytesIO):
    def write(self, data: Any) -> int:
        """Take a part of it, as raw files may."""
        return super().write(bytes(data[:3]))


def test_a_target_takes_all_or_begins_anew() -> None:
    """A part that a file takes is not the whole; nothing is left of what was longer."""
    file = _Slow()
    target = Target(file, "slow", repeatable=True)
    target.write(b"0123456789")
    assert (file.getvalue(), target.size) == (b"0123456789", 10)
    target.begin()
    target.write(b"abcd")
    assert (file.getvalue(), target.size) == (b"abcd", 4)


@pytest.mark.parametrize("name", ["a.csv", "a.zip"])
@pytest.mark.parametrize("at_once", [True, False])
@asynchronous
async def test_cancelled_at_every_await(name: str, at_once: bool, tmp_path: Path) -> None:
    """At each suspension: no task, thread, temporary file or partial file is left, the client works on."""
    path = tmp_path / name
    async with scene() as s:
        for at in range(1, 200):
            await write(path, b"precious")
            reached = await cancelled(exports.to_file(s.client, s.survey_id, path), at, at_once=at_once)
            await settled()
            assert s.client.quota().in_flight == 0
            assert await inside(tmp_path) == [name]
            if not reached:
                break
            if at_once:
                assert await content(path) == b"precious" or at > 10
        assert 10 < at < 199
        assert await content(path) != b"precious"


async def cancelled(work: Coroutine[Any, Any, object], at: int, *, at_once: bool) -> bool:
    """Cancel a coroutine at its n-th suspension; false when it had fewer."""
    steps = Steps(work, at, at_once=at_once)
    task = asyncio.get_running_loop().create_task(steps)
    await asyncio.wait({task})
    assert task.cancelled() or task.exception() is None
    return steps.count >= at


@POSIX
def test_a_late_thread_writes_into_no_other_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All tasks are cancelled, those inside as well: the file is closed when nothing writes any more."""
    writes, go_on = Event(), Event()
    write_to = Target.write
    ended: list[str] = []

    def slow(self: Target, piece: bytes) -> None:
        writes.set()
        go_on.wait(5)
        write_to(self, piece)
        ended.append("written")

    monkeypatch.setattr(Target, "write", slow)

    async def main() -> None:
        async with at(Service(zipped(HEADER + b"R_1,a\n"))) as client:
            others = asyncio.all_tasks()
            task = asyncio.create_task(exports.to_file(client, SURVEY, tmp_path / "a.csv"))
            task.add_done_callback(lambda _: ended.append("over"))
            await asyncio.to_thread(writes.wait, 5)
            for _ in range(3):
                for one in asyncio.all_tasks() - others:
                    if "vendor" not in repr(one) and "wires" not in repr(one):
                        one.cancel()
                await asyncio.sleep(0.001)
            assert ended == []
            go_on.set()
            await asyncio.wait({task})
            assert task.cancelled()
        assert ended == ["written", "over"]
        assert await inside(tmp_path) == []

    asyncio.run(main())


@POSIX
@asynchronous
async def test_a_target_has_a_descriptor_of_its_own(tmp_path: Path) -> None:
    """Closed at the end; what is written after the file was closed is in no other one."""
    path, other = tmp_path / "a.csv", tmp_path / "b.csv"
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(await anyio.to_thread.run_sync(path.open, "w"))
        async with target_in(file, "a.csv") as target:
            await anyio.to_thread.run_sync(file.close)
            taken = stack.enter_context(await anyio.to_thread.run_sync(other.open, "w"))
            await anyio.to_thread.run_sync(target.write, b"late")
        with pytest.raises(ValueError, match="closed file"):
            await anyio.to_thread.run_sync(target.write, b"later")
        await anyio.to_thread.run_sync(taken.close)
    assert (await content(path), await content(other)) == (b"late", b"")


@asynchronous
async def test_cancelled_in_the_middle_of_a_download(tmp_path: Path) -> None:
    """While bytes are still coming."""
    async with scene() as s:
        held = s.sandbox.faults.add(route=FILE, kind="stalled", at=100)
        task = asyncio.create_task(exports.to_file(s.client, s.survey_id, tmp_path / "a.csv"))
        await held.arrived()
        assert await inside(tmp_path) == [".a.csv.partial"]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()
        held.release()
    assert await inside(tmp_path) == []


@asynchronous
async def test_what_the_progress_hook_raises_ends_it(tmp_path: Path) -> None:
    """As itself, in any phase, and nothing is left."""
    async with scene() as s:
        for phase in ("exporting", "downloading", "reading"):

            def stop(state: ExportState, phase: str = phase) -> None:
                if state.phase == phase:
                    raise KeyError(phase)

            with pytest.raises(KeyError, match=phase):
                await exports.to_file(s.client, s.survey_id, tmp_path / "a.csv", on_progress=stop)
            assert await inside(tmp_path) == []


@asynchronous
async def test_two_at_once_do_not_mix(tmp_path: Path) -> None:
    """Exports to the same name at the same time: the file is one of them, whole."""
    path = tmp_path / "a.csv"
    async with scene() as s:
        other = s.survey(30)
        wanted = {await s.streamed(one) for one in (s.survey_id, other)}
        async with asyncio.TaskGroup() as tasks:
            for one in (s.survey_id, other):
                tasks.create_task(exports.to_file(s.client, one, path))
    assert await content(path) in wanted
    assert await inside(tmp_path) == [path.name]
