"""Parquet: all responses under the file's name, or nothing; in constant memory."""

from __future__ import annotations

import asyncio
import errno
import sys
import tracemalloc
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import anyio.to_thread
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from outward import FILE, START, Scene, asynchronous, content, inside, mode, scene, write

from qualtrics_async import exports
from qualtrics_async.errors import DecodeError, JobFailed, UsageError
from qualtrics_async.exports import archive, tables, text_columns
from qualtrics_async.exports.saving import Target
from qualtrics_async.exports.text_columns import TextColumns

if TYPE_CHECKING:
    from pathlib import Path

ZoneInfo("UTC")  # is read once, which would block the loop


async def read(path: Path) -> pa.Table:
    return await anyio.to_thread.run_sync(pq.read_table, path)


@asynchronous
async def test_the_file_is_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Values, types and what is said of the columns are those of `to_arrow()`, in groups of rows."""
    monkeypatch.setattr(text_columns, "_TEXT", 1_000)
    monkeypatch.setattr(tables, "_GROUP_SIZE", 1_000)
    async with scene() as play:
        survey_id, path = play.survey(50), tmp_path / "a.parquet"
        exported = await exports.to_parquet(play.client, survey_id, path, names="import_id")
        table = await exports.to_arrow(play.client, survey_id, names="import_id")
        found = await read(path)
        assert found.equals(table)
        assert found.schema.field("QID2_TEXT").metadata[b"text"] == b"Why?"
        assert (
            found.schema.field("QID2_TEXT").metadata.items()
            >= table.schema.field("QID2_TEXT").metadata.items()
        )
        assert (exported.survey_id, exported.path, exported.format) == (survey_id, path, "parquet")
        assert exported.size == len(await content(path))
        assert exported.info.format == "csv"
        assert await inside(tmp_path) == ["a.parquet"]
        assert len(await groups(path)) > 5


async def groups(path: Path) -> list[int]:
    """How many rows each group of a file has."""
    found = await anyio.to_thread.run_sync(pq.read_metadata, path)
    return [found.row_group(index).num_rows for index in range(found.num_row_groups)]


@asynchronous
async def test_pieces_are_put_together_in_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A group is as large as its bound allows, in rows or in bytes, however small the pieces are."""
    monkeypatch.setattr(text_columns, "_TEXT", 500)
    path = tmp_path / "a.parquet"
    async with scene() as play:
        survey_id = play.survey(60)
        await exports.to_parquet(play.client, survey_id, path)
        assert await groups(path) == [60]
        monkeypatch.setattr(tables, "_GROUP_ROWS", 20)
        await exports.to_parquet(play.client, survey_id, path)
        found = await groups(path)
        assert (sum(found), len(found)) in ((60, 2), (60, 3))
        assert all(20 <= count < 30 for count in found[:-1])
        monkeypatch.setattr(tables, "_GROUP_ROWS", 1_000)
        monkeypatch.setattr(tables, "_GROUP_SIZE", 2_000)
        await exports.to_parquet(play.client, survey_id, path)
        assert 2 < len(await groups(path)) < 10
        assert (await read(path)).equals(await exports.to_arrow(play.client, survey_id))


@asynchronous
async def test_other_suffixes_are_refused(tmp_path: Path) -> None:
    """A file that is called a table of text is none of Parquet; the advice names one that is."""
    async with scene() as play:
        before = len(play.sandbox.requests)
        for name in ("p.csv", "p.parquet.zip", "p.2026-11-22"):
            with pytest.raises(
                UsageError, match=r"to_parquet\(\) writes \.parquet: write .*\.parquet, or to_file"
            ):
                await exports.to_parquet(play.client, play.survey_id, tmp_path / name)
        assert len(play.sandbox.requests) == before
        for name in ("P.PARQUET", "p"):
            await exports.to_parquet(play.client, play.survey_id, tmp_path / name)
    assert await inside(tmp_path) == ["P.PARQUET", "p"]


@asynchronous
async def test_who_may_read_the_file(tmp_path: Path) -> None:
    """A file that is replaced keeps its mode; that of any other is what the process gives its files."""
    kept, other = tmp_path / "kept.parquet", tmp_path / "other.parquet"
    await write(kept, b"")
    await write(tmp_path / "usual", b"")
    await anyio.to_thread.run_sync(kept.chmod, 0o664)
    async with scene() as play:
        for path in (kept, other):
            await exports.to_parquet(play.client, play.survey_id, path)
    assert (await mode(kept), await mode(other)) == (0o664, await mode(tmp_path / "usual"))


@asynchronous
async def test_an_empty_survey_is_a_file(tmp_path: Path) -> None:
    """Without responses there are columns."""
    async with scene() as play:
        await exports.to_parquet(play.client, play.survey(0), str(tmp_path / "a.parquet"))
        found = await read(tmp_path / "a.parquet")
        assert (found.num_rows, found.schema.field("Q1").type) == (0, pa.int64())


@asynchronous
async def test_what_fails_leaves_the_file_that_was_there(tmp_path: Path) -> None:
    """A job that fails, a broken archive: the file of before stays, and nothing beside it."""
    path = tmp_path / "a.parquet"
    await write(path, b"before")
    async with scene() as play:
        play.sandbox.faults.add(kind="failed_job", route=START)
        with pytest.raises(JobFailed):
            await exports.to_parquet(play.client, play.survey_id, path)
        play.sandbox.faults.add(kind="archive", route=FILE, times=None, damage="checksum")
        with pytest.raises(DecodeError):
            await exports.to_parquet(play.client, play.survey_id, path)
    assert await content(path) == b"before"
    assert await inside(tmp_path) == ["a.parquet"]


@asynchronous
async def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the file; nothing is left of it."""

    class Full:
        def __init__(self, file: Any) -> None:
            self.close = file.close

        def write(self, data: Any) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    made = Target.__init__

    def full(target: Target, file: Any, name: str, **options: Any) -> None:
        made(target, Full(file), name, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Target, "__init__", full)
    async with scene() as play:
        with pytest.raises(OSError, match=r"No space left on device: '.*a\.parquet'"):
            await exports.to_parquet(play.client, play.survey_id, tmp_path / "a.parquet")
    assert await inside(tmp_path) == []


@asynchronous
async def test_cancelled_at_any_time(tmp_path: Path) -> None:
    """An export that is cancelled leaves no file; one that was done leaves all of it."""
    path = tmp_path / "a.parquet"
    async with scene() as play:
        survey_id = play.survey(20)
        for step in range(1, 40, 3):
            await _cancelled(play, survey_id, path, step)
            assert await inside(tmp_path) in ([], ["a.parquet"])
        await exports.to_parquet(play.client, survey_id, path)
        assert (await read(path)).num_rows == 20


async def _cancelled(play: Scene, survey_id: str, path: Path, step: int) -> None:
    """Cancel an export after so many pieces of work on threads."""
    task = asyncio.create_task(exports.to_parquet(play.client, survey_id, path))
    for _ in range(step):
        await anyio.to_thread.run_sync(lambda: None)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@asynchronous
async def test_refused_before_any_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is not there, and a package that is not there, cost no request."""
    async with scene() as play:
        before = len(play.sandbox.requests)
        with pytest.raises(UsageError, match="no such folder"):
            await exports.to_parquet(play.client, play.survey_id, tmp_path / "none" / "a.parquet")
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        with pytest.raises(UsageError, match=r"\[arrow\]"):
            await exports.to_parquet(play.client, play.survey_id, tmp_path / "a.parquet")
        assert len(play.sandbox.requests) == before
    assert await inside(tmp_path) == []


@asynchronous
async def test_memory_does_not_grow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four times as many responses need no more memory, neither Python's nor Arrow's."""
    monkeypatch.setattr(text_columns, "_TEXT", 50_000)
    monkeypatch.setattr(tables, "_GROUP_SIZE", 100_000)
    monkeypatch.setattr(archive, "_BLOCK", 10_000)
    take = TextColumns.take
    ours = [tracemalloc.Filter(inclusive=True, filename_pattern=name) for name in ("*exports*", "*zipfile*")]
    steps: list[int] = []
    held: list[int] = []

    def measured(text: TextColumns) -> Any:
        steps.append(pa.total_allocated_bytes())
        if len(steps) % 15 == 0:  # not the sandbox's, which goes up and down in the same process
            found = tracemalloc.take_snapshot().filter_traces(ours).statistics("filename")
            held.append(steps[-1] + sum(each.size for each in found))
        return take(text)

    monkeypatch.setattr(TextColumns, "take", measured)
    peaks = []
    async with scene() as play:
        for count in (200, 800):
            survey_id = play.sandbox.state.add_survey("Long")
            for number in range(count):
                play.sandbox.state.add_response(survey_id, {"QID2_TEXT": f"{number} " * 400})
            steps.clear()
            held.clear()
            tracemalloc.start()
            await exports.to_parquet(play.client, survey_id, tmp_path / "a.parquet")
            tracemalloc.stop()
            peaks.append(max(held))
    assert len(steps) > 50
    assert peaks[1] < peaks[0] + 100_000
