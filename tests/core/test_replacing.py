"""Files that take their name at the end: what a killed process left is used again, and nobody else's is."""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from qualtrics_async._core.replacing import replacing, replacing_off_loop

pytestmark = pytest.mark.skipif(os.name != "posix", reason="files are claimed by POSIX locks")

PROGRAM = """
import sys
from pathlib import Path
from qualtrics_async._core.replacing import replacing
with replacing(Path(sys.argv[1])) as file:
    file.write("half" * 100_000)
    file.flush()
    print("written", flush=True)
    sys.stdin.read()
"""


def inside(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_a_killed_process_left_is_written_over(tmp_path: Path) -> None:
    """After a SIGKILL the next one takes the same file, and nothing of the first is in it or beside it."""
    path = tmp_path / "links.csv"
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.kill()
    assert inside(tmp_path) == [".links.csv.partial"]
    with replacing(path) as file:
        assert inside(tmp_path) == [".links.csv.partial"]
        file.write("whole")
    assert inside(tmp_path) == ["links.csv"]
    assert path.read_text() == "whole"
    assert path.stat().st_mode & 0o777 == 0o600


def test_two_at_once_do_not_share_a_file(tmp_path: Path) -> None:
    """The second one has a file of its own; each is whole, and the last to end has the name."""
    path = tmp_path / "links.csv"
    with replacing(path) as first:
        first.write("first")
        with replacing(path) as second:
            second.write("second")
        assert path.read_text() == "second"
    assert path.read_text() == "first"
    assert inside(tmp_path) == ["links.csv"]


def test_a_file_that_has_its_name_already_is_not_claimed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who opened the partial file just before it took its name begins another, and leaves that one alone."""
    path = tmp_path / "links.csv"
    partial = tmp_path / ".links.csv.partial"
    partial.touch(0o600)
    opened = os.open

    def slow(name: Path, *options: int) -> int:
        handle = opened(name, *options)
        if partial.exists() and not path.exists():
            partial.write_text("whole")
            partial.replace(path)
        return handle

    monkeypatch.setattr("qualtrics_async._core.replacing.os.open", slow)
    with replacing(path) as file:
        assert path.read_text() == "whole"
        file.write("other")
    assert path.read_text() == "other"


@pytest.mark.parametrize("before", [None, 0o600, 0o664])
@pytest.mark.parametrize("private", [True, False])
def test_a_file_is_for_its_owner_or_for_whom_the_one_before_was(
    tmp_path: Path, *, private: bool, before: int | None
) -> None:
    """The umask is asked by a file that is made, so that no other thread has another one meanwhile."""
    path = tmp_path / "links.csv"
    if before is not None:
        path.touch()
        path.chmod(before)
    umask = os.umask(0o027)
    try:
        with replacing(path, private=private) as file:
            (partial,) = (found for found in tmp_path.iterdir() if found != path)
            assert partial.stat().st_mode & 0o777 == 0o600
            file.write("whole")
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(umask)
    assert path.stat().st_mode & 0o777 == (0o600 if private else before or 0o640)
    assert inside(tmp_path) == ["links.csv"]


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EFBIG])
def test_a_disk_that_is_full_names_the_file(tmp_path: Path, error: int) -> None:
    """Whoever writes to it: files that are open do not say their names; other errors stay as they are."""
    path = tmp_path / "links.csv"
    with pytest.raises(OSError, match=r"links\.csv") as told, replacing(path):
        raise OSError(error, "no more")
    assert (told.value.errno, told.value.filename) == (error, str(path))
    with pytest.raises(OSError, match="no more") as told, replacing(path):
        raise OSError(error, "no more", "elsewhere")
    assert told.value.filename == "elsewhere"
    with pytest.raises(BrokenPipeError) as broken, replacing(path):
        raise BrokenPipeError(errno.EPIPE, "gone")
    assert broken.value.filename is None
    assert inside(tmp_path) == []


@pytest.mark.skipif(sys.platform != "linux", reason="there is a device that is always full")
def test_a_device_that_is_full_is_named() -> None:
    """When what waits for it is written."""
    with pytest.raises(OSError, match="/dev/full"), replacing(Path("/dev/full")) as device:
        device.write("x" * 100_000)


def test_a_full_disk_is_named_off_the_loop(tmp_path: Path) -> None:
    """What leaves a body that writes on threads has the name as well."""

    async def main() -> None:
        async with replacing_off_loop(tmp_path / "a.csv", private=False):
            raise OSError(errno.ENOSPC, "no more")

    with pytest.raises(OSError, match=r"a\.csv"):
        asyncio.run(main())
    assert inside(tmp_path) == []


@pytest.mark.parametrize("kind", ["symbolic link", "hard link", "open to others", "folder"])
def test_what_is_not_ours_is_not_written_to(tmp_path: Path, kind: str) -> None:
    """A link that somebody laid there leads nowhere."""
    victim, laid = tmp_path / "victim", tmp_path / ".links.csv.partial"
    victim.write_text("precious")
    victim.chmod(0o600)
    if kind == "symbolic link":
        laid.symlink_to(victim)
    elif kind == "hard link":
        laid.hardlink_to(victim)
    elif kind == "folder":
        laid.mkdir()
    else:
        laid.write_text("precious")
        laid.chmod(0o644)
    with replacing(tmp_path / "links.csv") as file:
        file.write("whole")
    assert victim.read_text() == "precious"
    assert kind == "folder" or laid.read_text() == "precious"
    assert (tmp_path / "links.csv").read_text() == "whole"
