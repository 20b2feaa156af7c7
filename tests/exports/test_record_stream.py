"""Exports as records: the same however their bytes are cut, in constant memory, and the broken one told."""

from __future__ import annotations

import asyncio
import json
import sys
import tracemalloc
from collections.abc import AsyncIterator, Iterable, Sequence
from itertools import pairwise
from typing import Any, Self, cast

import pytest
import talking
from hypothesis import example, given, settings
from hypothesis import strategies as st
from steps import Steps
from vendor import SURVEY, Entry, Service, at, by_hand, zipped
from virtual import run, virtual

from qualtrics_async import DecodeError, UsageError
from qualtrics_async.exports import Chunks, archive
from qualtrics_async.exports.record_stream import Records, records
from qualtrics_async.models.responses import Response
from qualtrics_async.sandbox import ByPolls, Exports

module = sys.modules[Records.__module__]
"""The package has a function of its name."""

MARK = b"\xef\xbb\xbf"
MEBIBYTE = 1024 * 1024
VALUES = {
    "startDate": "2026-05-02T08:00:00Z",
    "status": 0,
    "progress": 100,
    "duration": 42,
    "finished": 1,
    "_recordId": "R_1",
    "locationLatitude": "48.1",
    "QID1": 3,
    "QID2_TEXT": 'Zoë,\n"so" \N{GRINNING FACE}',
    "QID3": ["1", "4"],
    "QID4": 2.5,
    "QID5": None,
}
FULL = {
    "responseId": "R_1",
    "values": VALUES,
    "labels": {"status": "IP Address", "QID3": ["One", "Four"]},
    "displayedFields": ["QID1", "QID3"],
    "displayedValues": {"QID1": [1, 2, 3]},
}


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what is broken be found when it is reached, as in an export that is large."""
    monkeypatch.setattr("qualtrics_async.exports.export._CHECKED", 0)


class Given:
    """Chunks as they are given."""

    info = None

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        await asyncio.sleep(0)
        try:
            return next(self._pieces)
        except StopIteration:
            raise StopAsyncIteration from None


def of(*pieces: bytes) -> Records:
    return Records(cast("Chunks", Given(pieces)))


async def collected(found: AsyncIterator[Response]) -> list[Response]:
    return [record async for record in found]


def read(*pieces: bytes) -> list[Response]:
    return run(collected(of(*pieces)))


def line(number: object = 1, **more: Any) -> bytes:
    return json.dumps({"responseId": f"R_{number}", "values": {}, **more}).encode()


def ids(found: Iterable[Response]) -> list[str]:
    return [record.response_id for record in found]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decode a line at a time."""
    monkeypatch.setattr(module, "_STEP", 1)


def test_values_keep_their_types() -> None:
    """Numbers, texts and lists as the service writes them; metadata are among the values."""
    (record,) = read(json.dumps(FULL).encode())
    assert record == Response(
        response_id="R_1",
        values=VALUES,
        labels={"status": "IP Address", "QID3": ["One", "Four"]},
        displayed_fields=["QID1", "QID3"],
        displayed_values={"QID1": [1, 2, 3]},
    )
    assert {name: type(value) for name, value in record.values.items()} == {
        name: type(value) for name, value in VALUES.items()
    }


@pytest.mark.parametrize(
    ("wire", "meant"),
    [
        ({"values": []}, {"values": {}}),
        ({"labels": []}, {"labels": {}}),
        ({"labels": None}, {"labels": None}),
        ({"displayedValues": []}, {"displayed_values": {}}),
        ({"displayedFields": {"0": "QID1", "2": "QID3"}}, {"displayed_fields": ["QID1", "QID3"]}),
        ({"another": {"field": 1}}, {}),
    ],
    ids=str,
)
def test_shapes_that_php_writes_are_read(wire: dict[str, Any], meant: dict[str, Any]) -> None:
    """Beside records of the usual shape, which stay as they are."""
    plain = json.dumps(FULL).encode()
    odd = json.dumps({"responseId": "R_2", "values": {"QID1": 1}, **wire}).encode()
    first, second, third = read(plain + b"\n" + odd + b"\n" + plain + b"\n")
    assert first == third == read(plain)[0]
    expected = Response(**{"response_id": "R_2", "values": {"QID1": 1}, **meant})
    assert second == expected


@pytest.mark.parametrize(
    "data",
    [
        line(1) + b"\n" + line(2) + b"\n",
        line(1) + b"\n" + line(2),
        line(1) + b"\r\n" + line(2) + b"\r\n",
        b"\n\n" + line(1) + b"\n \t\n\r\n" + line(2) + b"\n\n\n",
        MARK + line(1) + b"\n" + line(2) + b"\n",
        b"  " + line(1) + b"  \n\t" + line(2),
    ],
    ids=["lines", "no last end", "CRLF", "blank lines", "a mark", "blanks"],
)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_lines_are_read_as_they_come(data: bytes, size: int) -> None:
    """However they end, and wherever they are cut."""
    assert ids(read(*cut(data, range(size, len(data), size)))) == ["R_1", "R_2"]


def test_nothing_is_no_record() -> None:
    """An empty survey, a file of line ends, a mark alone."""
    for data in (b"", b"\n", b"\r\n \n", MARK, MARK + b"\n"):
        assert read(data) == []
        assert read() == []


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    ends = sorted({0, len(data), *places})
    return [data[begin:end] for begin, end in pairwise(ends)]


@settings(max_examples=150)
@given(
    st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=30), max_size=3), max_size=12),
    st.sets(st.integers(0, 400), max_size=12),
    st.integers(1, 200),
    st.sampled_from([b"\n", b"\r\n", b"\n\n"]),
    st.booleans(),
)
@example(values=[{}, {}], cuts={1}, step=1, end=b"\n", ends=False)
def test_any_cut_of_the_bytes_gives_the_same_records(
    values: Sequence[dict[str, str]], cuts: set[int], step: int, end: bytes, ends: bool
) -> None:
    """Within characters, within line ends, in pieces of a byte; decoded in steps of any size."""
    lines = [
        json.dumps({"responseId": f"R_{number}", "values": found}, ensure_ascii=number % 2 == 0).encode()
        for number, found in enumerate(values)
    ]
    data = end.join(lines) + (end if ends else b"")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, "_STEP", step)
        found = read(*cut(data, (place for place in cuts if place < len(data))))
    expected = [
        Response(response_id=f"R_{number}", values=dict(found)) for number, found in enumerate(values)
    ]
    assert found == expected


BROKEN = {
    "no JSON": b'{"responseId":"R_9","values":{"QID1":"secret"},}',
    "half": b'{"responseId":"R_9","values":{"QID1":"secret',
    "a list": b'["secret"]',
    "no id": b'{"values":{"QID1":"secret"}}',
    "an id of another type": b'{"responseId":{"secret":1},"values":{}}',
    "values of another type": b'{"responseId":"R_9","values":"secret"}',
    "no values": b'{"responseId":"secret"}',
    "no UTF-8": b'{"responseId":"R_9","values":{"QID1":"secret\xff"}}',
    "nested deep": b'{"responseId":"R_9","values":{"secret":' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
    "html": b"<html>secret</html>",
    "a control character": b'{"responseId":"R_9","values":{"QID1":"secret\x01"}}',
}


@pytest.mark.parametrize("step", [1, 100_000_000])
def test_half_a_character_does_not_end_an_export(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A text that was cut in the middle of an emoji has U+FFFD there, and nothing else is changed."""
    monkeypatch.setattr(module, "_STEP", step)
    values = {**VALUES, "QID7": "so \ud83d", "QID8": "\ude00", "QID9": 12345678901234567890, "QID10": 0.1}
    mended = {**values, "QID7": "so \ufffd", "QID8": "\ufffd"}
    found = read(b"\n".join([line(1), line(2, values=values), line(3, values=VALUES)]))
    assert ids(found) == ["R_1", "R_2", "R_3"]
    assert found[1].values == mended
    assert found[2].values == VALUES


@pytest.mark.parametrize("wrong", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("before", [0, 1, 5])
@pytest.mark.parametrize("step", [1, 100_000_000])
def test_a_broken_record_is_told_by_its_number(
    wrong: bytes, before: int, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All before it come, none after it; what is in it is somebody's answers and is not shown."""
    monkeypatch.setattr(module, "_STEP", step)
    good = [line(number) for number in range(before)]

    async def main() -> None:
        found = of(b"\n\n".join([*good, wrong, line("after"), line("after")]))
        assert ids([await anext(found) for _ in range(before)]) == [f"R_{number}" for number in range(before)]
        for _ in range(2):
            with pytest.raises(DecodeError, match=rf"^record {before + 1} of the export is not") as told:
                await anext(found)
            shown: BaseException | None = told.value
            while shown is not None:
                assert "secret" not in str(shown)
                shown = shown.__cause__ or (None if shown.__suppress_context__ else shown.__context__)

    run(main())


def test_a_line_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its memory is bounded; a line up to the bound is read."""
    monkeypatch.setattr(module, "_LONGEST", 10_000)
    long = line(1, labels={"QID1": "x" * 9000})
    assert ids(read(*cut(long, range(0, len(long), 1000)))) == ["R_1"]

    async def main() -> None:
        given = 0

        def pieces() -> Iterable[bytes]:
            nonlocal given
            while True:
                given += 1000
                yield b"x" * 1000

        found = of(*[line(0) + b"\n"])
        assert (await anext(found)).response_id == "R_0"
        found = Records(cast("Chunks", Given(pieces())))
        for _ in range(2):
            with pytest.raises(DecodeError, match="longer than 10000 bytes: it is no ndjson"):
                await anext(found)
        assert given <= 12_000

    run(main())


def test_a_piece_is_decoded_in_small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two turns of the loop no more than a step and the line that it ends in."""
    monkeypatch.setattr(module, "_STEP", 1000)
    data = b"".join(line(number, labels={"QID1": "x" * 50}) + b"\n" for number in range(500))
    longest = max(map(len, data.splitlines())) + 1
    steps: list[int] = []
    turns: list[int] = []
    decode = module._read

    def counted(step: memoryview, before: int) -> Any:
        steps.append(len(step))
        turns.append(turn)
        return decode(step, before)

    turn = 0
    monkeypatch.setattr(module, "_read", counted)

    async def main() -> None:
        nonlocal turn
        task = asyncio.create_task(collected(of(data)))
        while not task.done():
            turn += 1
            await asyncio.sleep(0)
        assert len(task.result()) == 500

    run(main())
    assert max(steps) <= 1000 + longest
    assert sum(steps) == len(data)
    assert len(set(turns)) == len(turns) > 20


def test_tasks_share_the_records(small: None) -> None:
    """Each comes once, whoever asks; a cancellation of one takes nothing from the others."""
    data = [line(number) + b"\n" for number in range(200)]

    async def main() -> None:
        found, seen = of(*data), list[str]()

        async def read_some() -> None:
            async for record in found:
                seen.append(record.response_id)
                await asyncio.sleep(0)

        tasks = [asyncio.create_task(read_some()) for _ in range(4)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        tasks[0].cancel()
        await asyncio.wait(tasks)
        assert sorted(seen) == sorted(f"R_{number}" for number in range(200))

    run(main())


@pytest.mark.parametrize("at_once", [True, False])
def test_who_is_cancelled_loses_nothing(*, at_once: bool) -> None:
    """At any await: the next who asks has the record."""
    data = [line(number) + b"\n" for number in range(30)]

    async def take(found: Records, seen: list[str]) -> None:
        async for record in found:
            seen.append(record.response_id)  # noqa: PERF401  (what was seen is kept at a cancellation)

    async def main() -> None:
        for step in range(1, 60):
            found, seen = of(*data), list[str]()
            task = asyncio.get_running_loop().create_task(Steps(take(found, seen), step, at_once=at_once))
            await asyncio.wait({task})
            rest = await collected(found)
            assert seen + ids(rest) == [f"R_{number}" for number in range(30)], step

    run(main())


@virtual
async def test_responses_come_as_they_were_given() -> None:
    """From the service to the record, in several files as well."""
    for settings_ in (Exports(), Exports(rows=2)):
        async with talking.talking({"jobs": ByPolls(1), "exports": settings_}) as (sandbox, client):
            survey_id = sandbox.state.survey_id
            texts = [f"one\n{number}, 'so' \N{GRINNING FACE}" for number in range(5)]
            for text in texts:
                sandbox.state.add_response(survey_id, {"QID1": 3, "QID2_TEXT": text})
            async with records(client, survey_id, allow_continuation=True) as found:
                assert (found.info.format, found.info.survey_id) == ("ndjson", survey_id)
                assert found.info.continuation_token
                seen = await collected(found)
            assert [record.values["QID2_TEXT"] for record in seen] == texts
            assert {record.values["QID1"] for record in seen} == {3}
            assert len(set(ids(seen))) == 5
            assert ids(seen) == [record.values["_recordId"] for record in seen]


@virtual
async def test_an_empty_survey_has_no_records() -> None:
    """And that is no error."""
    async with (
        talking.talking({"jobs": ByPolls(0)}) as (sandbox, client),
        records(client, sandbox.state.survey_id) as found,
    ):
        assert found.info.size == 0
        assert await collected(found) == []


@virtual
async def test_what_is_over_gives_nothing_more() -> None:
    """Whatever was decoded already, also when all was taken, or the next record is broken."""
    data = b"".join(line(number) + b"\n" for number in range(10))
    for rest, count in ((b"", 1), (b"", 10), (b"{\n", 1), (b"", 0)):
        async with at(Service(zipped(data + rest, form="ndjson"))) as client:
            async with records(client, SURVEY) as found:
                assert ids([await anext(found) for _ in range(count)]) == [f"R_{n}" for n in range(count)]
                if count == 10:
                    assert await collected(found) == []
                assert repr(found) == f"<Records of {SURVEY}: {10 if count else 0} decoded>"
            for _ in range(2):
                with pytest.raises(UsageError, match="is over"):
                    await anext(found)


@pytest.mark.usefixtures("unchecked")
@virtual
async def test_a_broken_archive_is_told_after_the_records_before_it() -> None:
    """What was decoded has come; the error is the archive's."""
    data = b"".join(line(number) + b"\n" for number in range(3000))
    service = Service(by_hand(Entry(content=data, checksum=1)))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(archive, "_BLOCK", 4096)
        async with at(service) as client, records(client, SURVEY) as found:
            seen = [await anext(found) for _ in range(2800)]
            assert ids(seen) == [f"R_{number}" for number in range(2800)]
            with pytest.raises(DecodeError, match="Bad CRC-32"):
                await collected(found)


def test_memory_does_not_grow_with_the_survey() -> None:
    """Fifty thousand records of 8 MB in all: a few megabytes are there at a time."""
    texts = {f"QID{number}_TEXT": f"answer {number}" for number in range(5)}
    data = b"".join(line(number, labels=texts) + b"\n" for number in range(50_000))
    packed = zipped(data, form="ndjson")
    del data

    async def main() -> int:
        async with at(Service(packed)) as client:
            tracemalloc.start()
            try:
                count = 0
                async with records(client, SURVEY) as found:
                    async for _ in found:
                        count += 1
                assert count == 50_000
                return tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()

    assert run(main()) < 5 * MEBIBYTE
