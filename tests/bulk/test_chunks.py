"""The chunker: whatever the sizes, nothing is lost, nothing is out of order, no bound is broken."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from working import IMPORT, asynchronous, scene, settle, take

from qualtrics_async import bulk
from qualtrics_async.bulk.chunks import Chunk, Chunker, size_of_names

ITEMS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 40)), max_size=60)
COUNTS = st.integers(1, 7)
SIZES = st.integers(41, 120)
NAMES = st.sampled_from(["a", "visit", "é" * 40, 'quo"ted', "tab\t\x01", "N" * 300])
DATED = st.lists(st.dictionaries(NAMES, st.text(max_size=30), max_size=6), max_size=40)


def pack(
    items: list[tuple[str, int]], max_count: int, max_size: int, cut: int | None = None
) -> tuple[list[Chunk[str]], list[int]]:
    """Chunk items, in one go or with a new chunker from the cut on; the number of each item's chunk too."""
    chunker = Chunker[str](max_count, max_size)
    known: dict[int, Chunk[str]] = {}
    done: list[Chunk[str]] = []
    places: list[int] = []
    for number, (key, size) in enumerate(items):
        if number == cut:
            chunker = resume(known, done, max_count, max_size)
        assert chunker.fits(size)
        chunk, full = chunker.add(key, size)
        known[chunk.number] = chunk
        places.append(chunk.number)
        if full is not None:
            done.append(full)
    return sorted(done + chunker.flush(), key=lambda chunk: chunk.number), places


def resume(
    known: dict[int, Chunk[str]], done: list[Chunk[str]], max_count: int, max_size: int
) -> Chunker[str]:
    """Make a chunker from what a journal would know."""
    chunker = Chunker[str](max_count, max_size)
    for number in sorted(known):
        if known[number] in done:
            chunker.skip(number)
        else:
            old = known[number]
            chunker.restore(Chunk(old.number, old.key, old.count, old.size))
    return chunker


@given(ITEMS, COUNTS, SIZES)
def test_bounds_hold_and_nothing_is_lost(items: list[tuple[str, int]], count: int, size: int) -> None:
    """Each item is in one chunk of its key, and no chunk has more rows or bytes than it may."""
    chunks, places = pack(items, count, size)
    assert [chunk.number for chunk in chunks] == list(range(1, len(chunks) + 1))
    for chunk in chunks:
        own = [items[n] for n, place in enumerate(places) if place == chunk.number]
        assert {key for key, _ in own} == {chunk.key}
        assert 1 <= len(own) == chunk.count <= count
        assert sum(cost + 1 for _, cost in own) == chunk.size <= size


@given(ITEMS, COUNTS, SIZES)
def test_a_key_keeps_its_order(items: list[tuple[str, int]], count: int, size: int) -> None:
    """Rows of one key fill its chunks one after the other."""
    _, places = pack(items, count, size)
    for key in "abc":
        own = [place for (name, _), place in zip(items, places, strict=True) if name == key]
        assert own == sorted(own)


@given(ITEMS, COUNTS, SIZES)
def test_a_chunk_ends_only_when_the_next_row_does_not_fit(
    items: list[tuple[str, int]], count: int, size: int
) -> None:
    """Chunks are as full as the order of rows allows."""
    chunks, places = pack(items, count, size)
    for chunk in chunks:
        later = [n for n, (key, _) in enumerate(items) if key == chunk.key and places[n] > chunk.number]
        if later:
            assert chunk.count == count or chunk.size + items[later[0]][1] + 1 > size


@given(ITEMS, COUNTS, SIZES, st.integers(0, 60))
def test_a_restored_chunker_makes_the_same_chunks(
    items: list[tuple[str, int]], count: int, size: int, cut: int
) -> None:
    """A crash anywhere between two rows changes no chunk."""
    assert pack(items, count, size, cut) == pack(items, count, size)


def test_a_row_that_fits_no_chunk_is_known_before() -> None:
    """`fits()` counts the separator too."""
    chunker = Chunker[str](10, 100)
    assert chunker.fits(99)
    assert not chunker.fits(100)


@settings(phases=[Phase.generate])  # shrinking so many names takes minutes
@given(DATED, st.integers(4_000, 6_000), st.integers(0, 40))
def test_no_body_is_larger_than_its_chunk(rows: list[dict[str, str]], size: int, cut: int) -> None:
    """With the names of all transaction data, each once, rows take no more bytes than they may."""
    chunker, bodies = Chunker[str](1000, size), dict[int, list[dict[str, str]]]()
    for number, row in enumerate(rows):
        if number == cut:
            for chunk in chunker.flush():
                chunker.restore(Chunk(chunk.number, chunk.key, chunk.count, chunk.size, set(chunk.names)))
        length = len(msgspec.json.encode({"transactionData": row}))
        assert chunker.fits(length + size_of_names(row))
        bodies.setdefault(chunker.add("a", length, row)[0].number, []).append(row)
    around = len(msgspec.json.encode({"transactionMeta": {"fields": []}, "contacts": []}))
    for own in bodies.values():
        fields = sorted({name for row in own for name in row})
        contacts = [{"transactionData": row} for row in own]
        body = msgspec.json.encode({"transactionMeta": {"fields": fields}, "contacts": contacts})
        assert len(body) <= size + around


@asynchronous
async def test_many_names_of_transaction_data_leave_less_room_for_rows() -> None:
    """Four hundred long names, a few in each row, are what a call takes; a row full of them is told."""
    async with scene(record_bodies=True) as s:
        rows = s.rows(101)
        for n, row in enumerate(rows):
            row["transactionData"] = {f"{4 * n + i:03}{'é' * 45}": "x" for i in range(4)}
        rows[50]["transactionData"] = {f"{n:03}{'n' * 92}": "x" for n in range(400)}
        taken = await take(s.imports(rows, chunk_rows=1000, chunk_bytes=60_000))
        settle(s.sandbox, rows, taken.outcomes)
        assert taken.reasons == {"too large": 1}
        sizes = [len(record.body or b"") for record in s.sandbox.requests if record.method == "POST"]
        assert max(sizes) <= 60_000
        plan = bulk.plan_import(s.client, rows, mailing_list="CG_1", chunk_rows=1000, chunk_bytes=60_000)
        assert (await plan).chunks == s.count(IMPORT) > 1


@asynchronous
async def test_a_chunk_that_is_filled_by_two_runs_says_all_names(tmp_path: Path) -> None:
    """The names of the rows that an earlier run read are said with those that came after."""
    async with scene(record_bodies=True) as s:
        rows = s.rows(2500)
        for n, row in enumerate(rows):
            row["transactionData"] = {f"field {n // 500}": "x"}

        def breaking() -> Iterator[Any]:
            yield from rows[:2400]
            raise ZeroDivisionError

        options: dict[str, Any] = {"journal": tmp_path / "j.db", "job_id": "x", "chunk_rows": 5000}
        with pytest.raises(ZeroDivisionError):
            await take(s.imports(breaking(), **options))
        settle(s.sandbox, rows, (await take(s.imports(iter(rows), **options))).outcomes)
        bodies = [one.body or b"" for one in s.sandbox.requests if f"{one.method} {one.route}" == IMPORT]
        fields = [msgspec.json.decode(body)["transactionMeta"]["fields"] for body in bodies]
        assert fields == [[f"field {n}" for n in range(5)]]
