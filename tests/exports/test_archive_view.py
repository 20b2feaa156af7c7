"""The file of an archive as `zipfile` sees it."""

from __future__ import annotations

from io import SEEK_CUR, SEEK_END, SEEK_SET, BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vendor import zipped

from qualtrics_async.exports import Expansion, archive


@given(
    st.lists(
        st.tuples(st.sampled_from([SEEK_SET, SEEK_CUR, SEEK_END, None]), st.integers(0, 60)), max_size=20
    ),
    st.integers(1, 40),
)
def test_a_file_that_is_read_ahead_is_the_file(steps: list[tuple[int | None, int]], ahead: int) -> None:
    """Wherever `zipfile` goes in it, which is not the same in each version of Python."""
    packed = zipped(b"so", form="ndjson")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(archive, "_AHEAD", ahead)
        plain, found = BytesIO(packed), archive.Archive(BytesIO(packed), "ndjson", Expansion())
        view = found._view
        plain.seek(view.seek(0))
        for whence, number in steps:
            if whence is None:
                assert view.read(number) == plain.read(number)
            else:
                back = whence == SEEK_END
                assert view.seek(-number if back else number, whence) == plain.seek(
                    -number if back else number, whence
                )
            assert view.tell() == plain.tell()
        found.close()
