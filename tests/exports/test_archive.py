"""The archive of an export: what is whole comes out as it went in, what is not is refused as what it is."""

from __future__ import annotations

import errno
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Sequence
from io import BytesIO
from typing import Any, BinaryIO, cast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from vendor import HEADER, Entry, by_hand, named, noise, split, zipped

from qualtrics_async import DecodeError
from qualtrics_async.exports import Expansion, Member, archive
from qualtrics_async.exports.archive import Archive
from qualtrics_async.exports.options import ExportFormat

MEBIBYTE = 1024 * 1024
MARK = b"\xef\xbb\xbf"
BOUNDS = Expansion()
ROWS = [b'R_1,"a\nb"\n', b"R_2,\n", b'R_3,"say ""ImportId"""\n', b"R_4,x\n"]


def opened(packed: bytes, form: ExportFormat = "csv", expansion: Expansion = BOUNDS) -> Archive:
    return Archive(BytesIO(packed), form, expansion)


def pieces(found: Archive) -> list[bytes]:
    members, taken = found.stream(), []
    while piece := members.take():
        taken.append(piece)
    assert members.take() == b""
    members.close()
    return taken


def content(packed: bytes, form: ExportFormat = "csv", expansion: Expansion = BOUNDS) -> bytes:
    return b"".join(pieces(opened(packed, form, expansion)))


def refused(packed: bytes, said: str, *, transient: bool, form: ExportFormat = "csv") -> str:
    """Read it, and find it refused with these words; another download may help, or not."""
    with pytest.raises(DecodeError, match=said) as told:
        content(packed, form)
    assert told.value.transient is transient
    assert "\n" not in str(told.value)
    return str(told.value)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let archives be read in blocks of four bytes."""
    monkeypatch.setattr(archive, "_BLOCK", 4)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED], ids=["deflated", "stored"])
@pytest.mark.parametrize("form", ["csv", "tsv", "json", "ndjson", "spss", "xml"])
@pytest.mark.parametrize("size", [0, 1, archive._BLOCK, 3 * archive._BLOCK + 1])
def test_a_member_comes_out_as_it_went_in(size: int, form: ExportFormat, method: int) -> None:
    """To the byte, in blocks, in every format; its name and sizes are told."""
    data = noise(size)
    packed = zipped(data, form=form, method=method)
    found = opened(packed, form)
    assert (found.members, found.size) == ((Member(f"Survey_0.{form}", size),), size)
    taken = pieces(found)
    assert b"".join(taken) == data
    assert max(map(len, taken), default=0) <= archive._BLOCK


def test_a_mark_at_the_beginning_stays() -> None:
    """The bytes are the service's; who reads them as text takes the mark away."""
    assert content(zipped(MARK + HEADER)) == MARK + HEADER


def test_large_archives_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sizes above four gigabytes and many members are in records of their own, which small ones may have."""
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as made, made.open("a.csv", "w", force_zip64=True) as member:
        member.write(b"one\n")
    assert content(packed.getvalue()) == b"one\n"
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)
    large = zipped(b"one\n", b"two\n", form="ndjson")
    assert b"PK\6\6" in large
    assert content(large, "ndjson") == b"one\ntwo\n"
    size = 5 * 1024**3
    extra = struct.pack("<2HQ", 1, 8, size)
    local = by_hand(Entry(content=b"one\n", size=0xFFFF_FFFF))
    place = local.index(b"PK\1\2")
    directory = local[place : local.index(b"PK\5\6")]
    directory = directory[:30] + struct.pack("<H", len(extra)) + directory[32:] + extra
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(directory), place, 0)
    with pytest.raises(DecodeError, match=f"to {size} bytes, more than 500 fold"):
        opened(local[:place] + directory + end)


def test_what_was_streamed_into_an_archive_is_read() -> None:
    """Its sizes follow each member, as a server writes them that does not know them before."""

    class OneWay(BytesIO):
        def seekable(self) -> bool:
            return False

        def tell(self) -> int:
            raise OSError

    packed = OneWay()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("a.csv", HEADER + ROWS[0])
        made.writestr("b.csv", HEADER + ROWS[1])
    assert content(packed.getvalue()) == HEADER + ROWS[0] + ROWS[1]


def test_an_archive_behind_something_else_is_read() -> None:
    """As every unzip tool does."""
    assert content(b"something else" + zipped(b"data")) == b"data"


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/x.csv",
        "/etc/x.csv",
        "C:\\x.csv",
        "a:b.csv",
        '"x".csv',
        "\N{GRINNING FACE}.csv",
        "Zoë",
        ".",
        "..",
    ],
)
def test_a_name_is_told_and_never_used(name: str) -> None:
    """It comes from the survey's title; nothing is made under it."""
    found = opened(named((name, b"data")))
    assert (found.members, b"".join(pieces(found))) == ((Member(name, 4),), b"data")


@pytest.mark.parametrize("flags", [0, 0x800], ids=["any encoding", "UTF-8"])
@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"\xff\xfe.csv", "��.csv"),
        ("Zoë".encode()[:-1], "Zo�"),
        ("Zoë.csv".encode(), "Zoë.csv"),
        (b"", ""),
        (b"\0a.csv", ""),
        (b"a\0b.csv", "a"),
    ],
    ids=["no UTF-8", "cut in a character", "UTF-8", "none", "NUL", "NUL within"],
)
def test_no_name_is_wrong(name: bytes, shown: str, flags: int) -> None:
    """Whatever bytes it has, and whatever the archive says of them, what is inside can be read."""
    found = opened(by_hand(Entry(name, b"data", flags=flags)))
    assert (found.members, b"".join(pieces(found))) == ((Member(shown, 4),), b"data")


@pytest.mark.parametrize("size", [30, 46])
@pytest.mark.parametrize("mark", [b"PK\1\2", b"PK\3\4"])
def test_what_looks_like_an_archive_inside_is_data(mark: bytes, size: int) -> None:
    """Only what describes members is read with other eyes."""
    data = mark + b"\xff" * (size + 1 - len(mark))
    assert content(by_hand(Entry(b"a", data, 0), Entry(b"b", data, 0)), "ndjson") == data + b"\n" + data


def test_folders_are_no_members() -> None:
    """They have nothing in them."""
    found = opened(named(("folder/", b""), ("folder/a.csv", b"data")))
    assert (found.members, b"".join(pieces(found))) == ((Member("folder/a.csv", 4),), b"data")


def test_a_folder_with_something_in_it_is_a_member() -> None:
    """A letter of its name that is wrong must not make a member disappear."""
    found = opened(by_hand(Entry(b"a.csv", HEADER), Entry(b"b.cs/", HEADER + ROWS[0])))
    assert b"".join(pieces(found)) == HEADER + ROWS[0]


@pytest.mark.parametrize("packed", [zipped(), named(("folder/", b""))], ids=["empty", "folders only"])
def test_an_archive_without_files_is_refused(packed: bytes) -> None:
    """An empty survey has header rows, or a file without bytes."""
    refused(packed, "no file in it", transient=False)


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"x",
        b"<html>Sorry</html>",
        b"R_1,a\n" * 100,
        b"PK\3\4",
        zipped(b"data")[:-1],
        zipped(noise(9000))[:5000],
    ],
    ids=["nothing", "a byte", "html", "csv", "a beginning", "all but a byte", "the first half"],
)
def test_what_is_no_archive_is_refused(packed: bytes) -> None:
    """Another download may be one."""
    refused(packed, "broken: BadZipFile: File is not a zip file", transient=True)


def test_a_wrong_checksum_is_seen_at_the_end() -> None:
    """And before that, nothing is wrong; the name of the member, the survey's, is not told."""
    data = noise(3 * archive._BLOCK)
    members = opened(by_hand(Entry(b"secret.csv", data, checksum=1))).stream()
    for _ in range(2):
        assert members.take()
    with pytest.raises(DecodeError, match="Bad CRC-32") as told:
        b"".join(iter(members.take, b""))
    assert told.value.transient
    assert "secret" not in str(told.value)
    members.close()


@settings(max_examples=300)
@given(st.data())
def test_no_flipped_byte_goes_unseen(data: st.DataObject) -> None:
    """What comes out is what went in, or a `DecodeError`: no other error, nothing wrong."""
    rows = [HEADER + ROWS[0] * 20, HEADER + ROWS[1] * 20]
    packed = bytearray(zipped(*rows))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(packed) - 1))
        packed[place] ^= data.draw(st.integers(1, 255))
    whole = HEADER + ROWS[0] * 20 + ROWS[1] * 20
    try:
        found = content(bytes(packed))
    except DecodeError:
        return
    assert found == whole


def test_each_byte_of_the_frame_may_be_wrong() -> None:
    """Headers, directory and end, with each bit of theirs: no foreign exception, no wrong content."""
    data = noise(300)
    packed = by_hand(Entry(b"a.csv", data, 0))
    frame = [*range(35), *range(335, len(packed))]
    for place in frame:
        for bit in range(8):
            wrong = bytearray(packed)
            wrong[place] ^= 1 << bit
            try:
                assert content(bytes(wrong)) == data, (place, bit)
            except DecodeError:
                continue


@settings(max_examples=100)
@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_refused_or_read(data: bytes, ends: bool) -> None:
    """With the end of an archive or without."""
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(data) % 97, 0, 0)
    with pytest.raises(DecodeError):
        content(data + (end if ends else b""))


def test_an_error_of_the_disk_is_no_broken_archive() -> None:
    """It leaves as itself: to download again would not help."""

    class Bad(BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(errno.EIO, "Input/output error")

    with pytest.raises(OSError, match="Input/output") as told:
        Archive(cast("BinaryIO", Bad(zipped(b"x"))), "csv", BOUNDS)
    assert told.value.errno == errno.EIO


@pytest.mark.parametrize("by", [-1, 1, -4000, 4000])
@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED], ids=["deflated", "stored"])
def test_a_member_of_another_size_is_refused(by: int, method: int) -> None:
    """Larger or smaller than the directory says: the part that came is not the whole."""
    data = noise(5000)
    refused(by_hand(Entry(content=data, size=len(data) + by, method=method)), "broken", transient=True)


def test_a_member_that_hides_a_bomb_is_read_as_far_as_it_says() -> None:
    """It inflates to no more than the directory promised, in memory as well."""
    data = bytes(100 * MEBIBYTE)
    packed = by_hand(Entry(content=data, size=1000))
    del data
    tracemalloc.start()
    try:
        refused(packed, "Bad CRC-32", transient=True)
        assert tracemalloc.get_traced_memory()[1] < 4 * MEBIBYTE
    finally:
        tracemalloc.stop()


def test_an_archive_that_expands_too_far_is_refused() -> None:
    """By its size, and by its ratio from 64 MB on; before anything of it is read."""
    packed = zipped(bytes(65 * MEBIBYTE))
    with pytest.raises(
        DecodeError, match=r"from \d+ to 68157440 bytes, more than 500 fold.*max_ratio"
    ) as told:
        opened(packed)
    assert not told.value.transient
    with pytest.raises(DecodeError, match=r"more than the 100 that are allowed.*max_bytes"):
        opened(zipped(bytes(60), bytes(41)), expansion=Expansion(max_bytes=100))
    assert content(zipped(bytes(60), bytes(40)), expansion=Expansion(max_bytes=100)) == bytes(
        60
    ) + b"\n" + bytes(40)
    assert opened(packed, expansion=Expansion(max_ratio=1e9)).size == 65 * MEBIBYTE
    assert opened(zipped(bytes(63 * MEBIBYTE))).size == 63 * MEBIBYTE


def test_members_that_share_bytes_are_refused() -> None:
    """Many members of the same bytes are how a small archive becomes a large one."""
    data = noise(500)
    same = [Entry(b"a", data, offset=0), Entry(b"a", data, packed=b"", packed_size=300, offset=0)]
    refused(by_hand(*same), "overlap", transient=True)
    inner = by_hand(Entry(b"b", b"x", 0))
    nested = by_hand(Entry(b"a", inner, 0), Entry(b"b", b"x", 0, packed=b"", packed_size=1, offset=31))
    refused(nested, "overlap", transient=True)
    refused(by_hand(Entry(b"a", data, packed_size=1_000_000)), "overlap", transient=True)


def test_an_archive_has_so_many_members() -> None:
    """Ten thousand are opened; more, which no export has, are not looked at."""
    entries = [Entry(b"%d.csv" % number, b"", method=0, flags=0x800) for number in range(10_001)]
    refused(by_hand(*entries), "more than 10000 files", transient=False)
    assert len(opened(by_hand(*entries[1:])).members) == 10_000


def test_a_directory_without_end_is_refused() -> None:
    """All of it would be in memory at once."""
    directory = 17 * MEBIBYTE
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, directory, 0, 0)
    refused(bytes(directory) + end, "directory of the archive is too large", transient=True)


@pytest.mark.parametrize("flags", [0x1, 0x40, 0x41])
def test_an_encrypted_member_is_refused_at_once(flags: int) -> None:
    """To download it again would not help."""
    with pytest.raises(DecodeError, match="encrypted") as told:
        opened(by_hand(Entry(flags=flags)))
    assert not told.value.transient


@pytest.mark.parametrize("method", [1, 9, 12, 14, 93, 99])
def test_a_member_of_an_unusual_kind_is_refused_at_once(method: int) -> None:
    """Those that the standard library knows as well: it does not bound their memory."""
    with pytest.raises(DecodeError, match=f"by method {method}, not by deflate") as told:
        opened(by_hand(Entry(method=method)))
    assert not told.value.transient


@pytest.mark.parametrize("form", ["json", "spss", "xml"])
def test_several_files_of_some_formats_are_no_stream(form: ExportFormat) -> None:
    """Two JSON documents are not one."""
    found = opened(zipped(b"{}", b"{}", form=form), form)
    with pytest.raises(DecodeError, match=f"2 files in the format {form}.*ndjson or csv") as told:
        found.stream()
    assert not told.value.transient
    assert found.parts().take() == b"{}"


def test_lines_of_several_members_come_as_one_stream() -> None:
    """Each member begins on a line of its own, without a mark."""
    members = (MARK + b'{"a":1}\n', b'{"a":2}', b"", MARK + b'{"a":3}', MARK, b'{"a":4}\n')
    assert content(zipped(*members), "ndjson") == MARK + b'{"a":1}\n{"a":2}\n{"a":3}\n{"a":4}\n'


@pytest.mark.parametrize("blocks", [1, 2, 3, 4, 7, 100, 10_000])
@pytest.mark.parametrize("mark", [b"", MARK], ids=["", "marks"])
@pytest.mark.parametrize("form", ["csv", "tsv"])
def test_header_rows_come_once(
    form: ExportFormat, mark: bytes, blocks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However the header falls into blocks: line ends within quotes are no ends of rows."""
    monkeypatch.setattr(archive, "_BLOCK", blocks)
    header = HEADER if form == "csv" else HEADER.replace(b",", b"\t")
    packed = zipped(mark + header + ROWS[0], mark + header + ROWS[1][:-1], mark + header + ROWS[2], form=form)
    assert content(packed, form) == mark + header + ROWS[0] + ROWS[1] + ROWS[2]


def test_members_without_header_rows_are_data(small: None) -> None:
    """No source says whether later files repeat them."""
    whole = HEADER + b"".join(ROWS)
    assert content(zipped(HEADER + ROWS[0], ROWS[1] + ROWS[2], MARK + ROWS[3])) == whole
    assert content(zipped(HEADER, *ROWS)) == whole


def test_members_with_other_columns_are_refused(small: None) -> None:
    """One table cannot have both; longer header rows than the first's are seen as well."""
    for other in (
        HEADER.replace(b"QID2", b"QID3"),
        HEADER.replace(b"Why", b"Why" * 5000),
        HEADER[:-1] + b"  \n",
    ):
        said = refused(zipped(HEADER + ROWS[0], other + ROWS[1]), "different columns", transient=False)
        assert "ndjson" in said


def test_header_rows_are_known_by_their_import_ids(small: None) -> None:
    """Rows of data that equal the first ones are data, and so is an answer about import ids."""
    table = b"a,b\n1,2\n3,4\n"
    assert content(zipped(table, table)) == table + table
    answers = b'R_7,"{""ImportId"": 1}"\n' * 3
    assert content(zipped(HEADER, answers)) == HEADER + answers


def test_a_first_member_without_bytes_has_no_header(small: None) -> None:
    """The next one has it."""
    assert content(zipped(b"", HEADER + ROWS[0], HEADER + ROWS[1])) == HEADER + ROWS[0] + ROWS[1]
    assert content(zipped(HEADER, b"", HEADER, HEADER + ROWS[1])) == HEADER + ROWS[1]
    assert content(zipped(b"a,b\n", b"c,d\n")) == b"a,b\nc,d\n"


def test_a_line_without_an_end_is_ended_before_the_next_member(small: None) -> None:
    """Also where the header fills its blocks exactly, so that nothing is left of the first."""
    header = HEADER.replace(b"Why", b"Why" + b"y" * (-len(HEADER) % 4))
    assert len(header) % 4 == 0
    assert content(zipped(header + b"R_1,a", header + b"R_2,b")) == header + b"R_1,a\nR_2,b"
    assert content(zipped(header + b"R_1,a", header)) == header + b"R_1,a"


@settings(max_examples=150)
@given(
    st.lists(st.sampled_from([*ROWS, b"R_5,\xc3\xab\r\n"]), max_size=12),
    st.lists(st.integers(0, 12), max_size=4),
    st.lists(st.booleans(), min_size=5, max_size=5),
    st.integers(1, 90),
    st.booleans(),
)
@example(rows=[ROWS[0], ROWS[1]], cuts=[1], repeats=[True] * 5, block=len(HEADER), marked=True)
def test_any_split_of_a_table_is_the_table(
    rows: Sequence[bytes], cuts: Sequence[int], repeats: Sequence[bool], block: int, marked: bool
) -> None:
    """Wherever it is cut, with header rows in any of the later members, in blocks of any size."""
    mark = MARK if marked else b""

    def header(number: int) -> bytes:
        return mark + HEADER if number == 0 or repeats[number] else mark

    members = split(rows, [min(cut, len(rows)) for cut in cuts], header)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(archive, "_BLOCK", max(block, len(MARK)))
        assert content(zipped(*members)) == mark + HEADER + b"".join(rows)


def test_memory_does_not_grow_with_the_members() -> None:
    """Of 60 MB, half of a megabyte is there at a time."""
    row = b"R_1," + noise(300).hex().encode() + b"\n"
    part = HEADER + row * 50_000
    packed = zipped(part, part)
    size = 2 * len(part) - len(HEADER)
    del part
    found = opened(packed)
    tracemalloc.start()
    try:
        members = found.stream()
        taken = 0
        while piece := members.take():
            taken += len(piece)
        assert taken == size
        assert tracemalloc.get_traced_memory()[1] < 6 * MEBIBYTE
    finally:
        tracemalloc.stop()


def test_a_closed_stream_lets_go() -> None:
    """In the middle of a member; the file itself is another's and stays open."""
    file = BytesIO(zipped(noise(2 * MEBIBYTE)))
    found = Archive(file, "csv", BOUNDS)
    members = found.stream()
    assert members.take()
    members.close()
    assert members.take() == b""
    again = found.stream()
    assert again.take()
    again.close()
    found.close()
    assert not file.closed


@pytest.mark.parametrize("wrong", [{"max_bytes": 0}, {"max_ratio": 0}, {"max_ratio": float("nan")}])
def test_bounds_are_positive(wrong: dict[str, Any]) -> None:
    """Nothing would ever be allowed."""
    with pytest.raises(ValueError, match="positive"):
        Expansion(**wrong)


def test_deflate_that_never_ends_is_refused() -> None:
    """The bytes of a member that is cut within, while the directory says otherwise."""
    whole = zlib.compressobj(6, zlib.DEFLATED, -15)
    packed = whole.compress(noise(9000)) + whole.flush()
    refused(by_hand(Entry(content=noise(9000), packed=packed[:4000])), "broken", transient=True)
    refused(by_hand(Entry(content=noise(9000), packed=b"\xff" * 4000)), "broken: error", transient=True)
