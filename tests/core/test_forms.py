"""Forms, read by the parser of another library."""

from __future__ import annotations

import asyncio
from email import message_from_string
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest
from aiohttp.base_protocol import BaseProtocol
from hypothesis import given
from hypothesis import strategies as st

from qualtrics_async import UsageError
from qualtrics_async._core.uploads import FilePart, Upload, filename_of


class Read(NamedTuple):
    """One part, as the other library reads it."""

    name: str | None
    filename: str | None
    content_type: str | None
    content: bytes


async def sent(upload: Upload) -> bytes:
    """All that an upload sends; it is as long as was announced."""
    async with upload.open() as opened:
        body = b"".join([chunk async for chunk in opened])
        assert len(body) == opened.length
    return body


async def parsed(upload: Upload) -> list[Read]:
    """The parts of a form."""
    loop = asyncio.get_running_loop()
    stream = aiohttp.StreamReader(BaseProtocol(loop), 2**22, loop=loop)
    stream.feed_data(await sent(upload))
    stream.feed_eof()
    found = []
    async for part in aiohttp.MultipartReader({"Content-Type": upload.content_type}, stream):
        assert isinstance(part, aiohttp.BodyPartReader)
        content_type = part.headers.get("Content-Type")
        found.append(Read(part.name, part.filename, content_type, bytes(await part.read())))
    return found


def test_a_form_has_files_texts_and_json() -> None:
    """A file has its name and type, a text none, bytes are JSON."""
    upload = Upload.form(
        {
            "file": FilePart(b"a,b\r\n", "rows.csv", "text/csv"),
            "folder": "Café",
            "response": b'{"values":{}}',
        }
    )
    assert asyncio.run(parsed(upload)) == [
        Read("file", "rows.csv", "text/csv", b"a,b\r\n"),
        Read("folder", None, None, "Café".encode()),
        Read("response", None, "application/json", b'{"values":{}}'),
    ]


def test_a_file_of_a_form_may_be_on_disk(tmp_path: Path) -> None:
    """Several, of any length, the empty one too."""
    for name, content in (("one", b"1" * 700_000), ("two", b""), ("three", b"--\r\n")):
        (tmp_path / name).write_bytes(content)
    files = {name: FilePart(tmp_path / name, name) for name in ("one", "two", "three")}
    found = asyncio.run(parsed(Upload.form(files)))
    assert [(part.name, part.filename, part.content) for part in found] == [
        ("one", "one", b"1" * 700_000),
        ("two", "two", b""),
        ("three", "three", b"--\r\n"),
    ]


# The other library reads some signs otherwise than browsers write them.
NAMES = st.text(st.characters(exclude_characters="\\/;%", exclude_categories=["Cs", "Cc", "Z"]), min_size=1)
CONTENTS = st.binary(max_size=200) | st.sampled_from([b"\r\n", b"--", b"\r\n--", b"--limit", b"\n\r"])


@given(st.dictionaries(NAMES, st.tuples(NAMES, CONTENTS), min_size=1, max_size=4))
def test_whatever_is_in_it_arrives(parts: dict[str, tuple[str, bytes]]) -> None:
    """Names of any script and bytes of any kind, in their order."""
    upload = Upload.form({name: FilePart(content, filename) for name, (filename, content) in parts.items()})

    def escaped(name: str) -> str:
        return name.replace('"', "%22")

    assert asyncio.run(parsed(upload)) == [
        Read(escaped(name), escaped(filename), "application/octet-stream", content)
        for name, (filename, content) in parts.items()
    ]


def test_a_name_cannot_end_its_header() -> None:
    """Quotes and line ends are escaped as browsers do, so nothing of a name becomes a header."""
    name = 'a"; x="\r\nX-Evil: 1\r\n\r\n.csv'
    body = asyncio.run(sent(Upload.form({name: FilePart(b"1", name)}, boundary="limit")))
    head, _, rest = body.partition(b"\r\n\r\n")
    escaped = b"a%22; x=%22%0D%0AX-Evil: 1%0D%0A%0D%0A.csv"
    assert head.split(b"\r\n") == [
        b"--limit",
        b'Content-Disposition: form-data; name="' + escaped + b'"; filename="' + escaped + b'"',
        b"Content-Type: application/octet-stream",
    ]
    assert rest == b"1\r\n--limit--\r\n"


@pytest.mark.parametrize("name", ["a;b", "a=b; c", "/a/b", "100%", "a\u2028b"])
def test_a_name_with_signs_of_its_own_is_one_name(name: str) -> None:
    """Read by the standard library, whose parser is not put off by signs in quotes."""
    body = asyncio.run(sent(Upload.form({name: FilePart(b"1", name)}, boundary="limit")))
    head = message_from_string(body.partition(b"\r\n\r\n")[0].decode().partition("\r\n")[2])
    assert head.get_param("name", header="Content-Disposition") == name
    assert head.get_filename() == name


def test_two_forms_have_two_boundaries() -> None:
    """They are made by chance, so that no content can hold one by design."""
    assert Upload.form({"a": "1"}).content_type != Upload.form({"a": "1"}).content_type


UNWRITABLE: list[Any] = [
    {"file": FilePart(b"", "a.csv", "text/csv\r\nX-Evil: 1")},
    {"file": FilePart(b"", "a.csv", "")},
    {"file": FilePart(b"", "\udcff.csv")},
    {"file\udcff": FilePart(b"", "a.csv")},
    {"folder": "\ud800"},
]


@pytest.mark.parametrize("parts", UNWRITABLE)
def test_what_cannot_be_written_is_refused(parts: Any) -> None:
    """Types that are no header values, and names and texts that are not Unicode."""
    with pytest.raises(UsageError):
        Upload.form(parts)


def test_a_type_that_is_no_header_value_is_refused() -> None:
    """Neither in a form nor around a single file."""
    with pytest.raises(UsageError, match="content type"):
        Upload.file(b"", "text/csv\r\nX-Evil: 1")


def test_a_file_is_named_after_itself(tmp_path: Path) -> None:
    """A path and an open file have a name, unless another one is given; bytes have none."""
    path = tmp_path / "rows.csv"
    path.write_bytes(b"")
    with path.open("rb") as file:
        assert filename_of(file) == "rows.csv"
    assert filename_of(path) == "rows.csv"
    assert filename_of(path, "other.csv") == filename_of(b"", "other.csv") == "other.csv"
    with path.open("rb") as file, open(file.fileno(), "rb", closefd=False) as unnamed:
        nameless = (b"", unnamed)
        for content in nameless:
            with pytest.raises(UsageError, match="name"):
                filename_of(content)
    with pytest.raises(UsageError, match="as filename"):
        filename_of(b"", " ")
    with pytest.raises(UsageError, match="as name"):
        filename_of(b"", parameter="name")
