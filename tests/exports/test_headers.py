"""Header rows of later files: left away where they are the first's, refused where they are others."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import BytesIO, StringIO

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from vendor import HEADER, zipped

from qualtrics_async import DecodeError
from qualtrics_async.exports import Expansion, archive, headers
from qualtrics_async.exports.archive import Archive
from qualtrics_async.exports.columns import header_height
from qualtrics_async.exports.headers import Header


def read(*members: bytes) -> list[bytes]:
    """What comes of an archive of these members, in blocks of four bytes."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(archive, "_BLOCK", 4)
        return list(iter(Archive(BytesIO(zipped(*members)), "csv", Expansion()).stream().take, b""))


def test_header_rows_without_end_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has so long a row is no table of ours: it is data, and its memory is bounded."""
    monkeypatch.setattr(headers, "_LONGEST", 100)
    long = b"x" * 500
    taken = read(long, long)
    assert b"".join(taken) == long + b"\n" + long
    assert max(map(len, taken)) <= 104
    assert b"".join(read(HEADER[:-9], long)) == HEADER[:-9] + b"\n" + long
    pieces = Header(",").once(iter([long[:50]] * 10))
    held = [len(pieces.gi_frame.f_locals["begun"]) for _ in pieces]  # type: ignore[attr-defined]  # a generator
    assert held == [50, 100, *[0] * 8]


def test_header_rows_after_none_are_refused() -> None:
    """Whether the first file has other columns or only no header rows, one table cannot be made of them."""
    with pytest.raises(DecodeError, match="different columns"):
        read(b"a,b\n1,2\n3,4\n", HEADER + b"R_1,a\n")


SOURCES = ('{"ImportId":"QID1"}', '{"ImportId":"QID2","timeZone":"UTC"}', "", "{}", "note", '{"a":1}')
CELLS = st.sampled_from([*SOURCES, "a,b", 'say "x"', "one\ntwo", "R_1"])


def written(rows: Sequence[Sequence[str]], end: str) -> bytes:
    text = StringIO(newline="")
    csv.writer(text, lineterminator=end).writerows(rows)
    return text.getvalue().encode()


@given(
    st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=2, max_size=5),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["ended", "not ended"]),
)
@example([["note", "Q1", "Q2"], ["", "t", "t"], ["", SOURCES[0], SOURCES[1]], ["a", "1", "2"]], "\n", "ended")
@example([["Q1", "Q2", "Q3"], [SOURCES[0], SOURCES[1], ""]], "\n", "not ended")
@example([["Q1", "Q2", "Q3"], ["t", "t", "t"], [SOURCES[0], SOURCES[0], ""]], "\r\n", "not ended")
def test_header_rows_are_those_of_the_column_map(rows: list[list[str]], end: str, last: str) -> None:
    """One rule for who reads a table and who puts its files together; wherever a file ends."""
    is_ended = last == "ended"
    table = written(rows, end)
    table = table if is_ended else table.removesuffix(end.encode())
    height = header_height(rows[:3])
    below = written(rows[height:] if height > 1 else rows, end)
    below = below if is_ended else below.removesuffix(end.encode())
    parts = [table, *([below] if below else [])]
    joint = b"" if is_ended or not below else b"\n"
    assert b"".join(read(table, table)) == joint.join(parts)


def test_a_header_may_have_a_cell_of_any_length() -> None:
    """Longer than the csv module reads."""
    table = b'Q1,Q2\n"' + b"Why? " * 40_000 + b'",Why\n"{""ImportId"":""QID1""}",\n'
    found = Archive(BytesIO(zipped(table + b"1,2\n", table + b"3,4\n")), "csv", Expansion()).stream()
    assert b"".join(iter(found.take, b"")) == table + b"1,2\n3,4\n"
