"""Header rows of later files: left away where they are the first's, refused where they are others."""

from __future__ import annotations

from io import BytesIO

import pytest
from vendor import HEADER, zipped

from qualtrics_async import DecodeError
from qualtrics_async.exports import Expansion, archive, headers
from qualtrics_async.exports.archive import Archive
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
    pieces = Header().once(iter([long[:50]] * 10))
    held = [len(pieces.gi_frame.f_locals["begun"]) for _ in pieces]  # type: ignore[attr-defined]  # a generator
    assert held == [50, 100, *[0] * 8]


def test_header_rows_after_none_are_refused() -> None:
    """Whether the first file has other columns or only no header rows, one table cannot be made of them."""
    with pytest.raises(DecodeError, match="different columns"):
        read(b"a,b\n1,2\n3,4\n", HEADER + b"R_1,a\n")
