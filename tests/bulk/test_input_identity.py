"""A file that is given again must be the same one: in size before it is read, in content as it is read."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from working import IMPORT, asynchronous, scene, take

from qualtrics_async import JournalError
from qualtrics_async.bulk import read_contacts

HEADER = "extRef,email\n"
ROWS = "".join(f"r{n},person{n}@example.com\n" for n in range(30))


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (HEADER + ROWS.replace("person7@", "somebody@"), "bytes now"),
        (HEADER + ROWS.replace("person7@", "Person7@"), "its rows differ"),
        (HEADER.replace("extRef", "EXTREF") + ROWS, "its bytes differ"),
        (HEADER + "\n" + ROWS, "bytes now"),
    ],
)
@asynchronous
async def test_an_edited_file_is_refused(changed: str, told: str, tmp_path: Path) -> None:
    """Whatever was changed, the message says what, and nothing is sent."""
    file, journal = tmp_path / "contacts.csv", tmp_path / "j.db"
    await asyncio.to_thread(file.write_text, HEADER + ROWS)
    async with scene() as s:
        options = {"journal": journal, "mailing_list": s.lists[0]}
        first = await take(s.imports(read_contacts(file), **options))
        assert first.kinds == {"Ok": 30}
        await asyncio.to_thread(file.write_text, changed)
        taken = await take(s.imports(read_contacts(file), **options))
        assert isinstance(taken.error, JournalError)
        assert taken.error.reason == "input changed"
        assert told in str(taken.error)
        assert s.count(IMPORT) == 3


@asynchronous
async def test_the_same_content_under_another_name_goes_on(tmp_path: Path) -> None:
    """What a file is called, and when it was written, is not what it is."""
    async with scene() as s:
        options = {"journal": tmp_path / "j.db", "mailing_list": s.lists[0]}
        for name in ("a.csv", "b.txt"):
            await asyncio.to_thread((tmp_path / name).write_text, HEADER + ROWS)
            taken = await take(s.imports(read_contacts(tmp_path / name), **options, replay=True))
            assert taken.kinds == {"Ok": 30}
        assert s.count(IMPORT) == 3
