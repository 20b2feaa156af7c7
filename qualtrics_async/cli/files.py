"""The files that commands are given: they must be there, differ, and are replaced only as a whole."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TextIO

from qualtrics_async.cli.output import Format, standard_output
from qualtrics_async.errors import UsageError

__all__ = ["distinct", "existing", "file_format", "replacing"]

_SUFFIXES: Mapping[str, Format] = {".json": "json", ".ndjson": "ndjson", ".jsonl": "ndjson"}


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


def file_format(path: Path | None, form: Format | None) -> Format:
    """Choose the format of a file: what was asked for, else by its suffix, else CSV."""
    if form is not None:
        return form
    return "csv" if path is None else _SUFFIXES.get(path.suffix.lower(), "csv")


@contextmanager
def replacing(path: Path | None) -> Iterator[TextIO]:
    """Open a file, for its owner alone, that takes its name when all is written; without one, stdout.

    Raises:
        UsageError: when there can be no file of that name, or stdout is closed.
    """
    if path is None:
        yield standard_output()
        return
    path = path.resolve()
    if path.is_dir() or not path.parent.is_dir():
        raise UsageError(f"{path}: " + ("it is a folder" if path.is_dir() else "there is no such folder"))
    if path.exists() and not path.is_file():
        # A device or a pipe is written to; a file in its place would be the end of it.
        with path.open("w", encoding="utf-8", newline="") as device:
            yield device
        return
    with _called(path):
        file = NamedTemporaryFile(  # noqa: SIM115  (it is closed before it takes its name)
            "w", encoding="utf-8", newline="", dir=path.parent, prefix=f".{path.name}.", delete=False
        )
    with file:
        try:
            yield file  # type: ignore[misc]  # the wrapper is a TextIO in all but name
            with _called(path):
                file.close()
                os.replace(file.name, path)  # noqa: PTH105  (of two names, not of paths)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


@contextmanager
def _called(path: Path) -> Iterator[None]:
    """Name the file that the user knows in what goes wrong inside."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
