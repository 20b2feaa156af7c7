"""The files that commands are given: they must be there, differ, and are replaced only as a whole."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from qualtrics_async._core import replacing as files
from qualtrics_async.bulk.writers import FileFormat, format_of
from qualtrics_async.cli.output import standard_output
from qualtrics_async.errors import UsageError

__all__ = ["distinct", "existing", "file_format", "replacing"]


def existing(path: Path) -> Path:
    """Return the path of a file that is there.

    Raises:
        UsageError: when it is not.
    """
    if path.is_dir():
        raise UsageError(f"{path}: it is a folder, not a file")
    if not path.exists():
        raise UsageError(f"{path}: there is no such file")
    return path


def distinct(files: Mapping[str, Path | None]) -> None:
    """See that no file is to be two things at once; `files` are called by what they are.

    Raises:
        UsageError: when one is.
    """
    named = [(name, path) for name, path in files.items() if path is not None]
    for (one, path), (other, again) in itertools.combinations(named, 2):
        if _same(path, again):
            raise UsageError(f"{again}: it cannot be {one} and {other} at once")


def _same(one: Path, other: Path) -> bool:
    if one.exists() and other.exists():
        # What is no file, like /dev/null, may well be named twice.
        return one.is_file() and one.samefile(other)
    return one.resolve() == other.resolve()


def file_format(path: Path | None, form: FileFormat | None) -> FileFormat:
    """Choose the format of a file: what was asked for, else by its suffix, else CSV."""
    return form or ("csv" if path is None else format_of(path))


@contextmanager
def replacing(path: Path | None) -> Iterator[TextIO]:
    """Open a file that takes its name when all is written, as in `bulk`; without one, stdout.

    Raises:
        UsageError: when there can be no file of that name, or stdout is closed.
    """
    if path is None:
        yield standard_output()
        return
    with files.replacing(path) as file:
        yield file
