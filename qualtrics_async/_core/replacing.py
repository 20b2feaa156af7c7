"""Files that take their name only when all is written, so that nobody ever sees half of one."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from secrets import token_hex
from tempfile import mkstemp
from typing import Final, TextIO

from qualtrics_async._core.tasks import on_thread
from qualtrics_async.errors import UsageError

__all__ = ["called", "replacing", "replacing_off_loop"]

_OWNER_ONLY: Final = 0o600
_ANYBODY: Final = 0o666
_FULL: Final = frozenset(
    getattr(errno, name) for name in ("ENOSPC", "EFBIG", "EDQUOT") if hasattr(errno, name)
)
"""What a disk, a quota or a limit says that takes no more."""


@contextmanager
def replacing(path: Path, *, private: bool = True) -> Iterator[TextIO]:
    """Open a file in UTF-8 that takes its name when the body has ended well.

    Until then it is `.<name>.partial` beside it, for its owner alone; what a killed process left of one is
    written over. It stays so if `private`; else it gets the mode of the file that it replaces, or, where
    there is none, what the process's umask leaves of 0666. A device or a pipe of that name is written to as
    it is. Bytes go into the file's `buffer`.

    Raises:
        UsageError: when there can be no file of that name.
        OSError: when it cannot be written; with its name, also for a disk that the body found full.
    """
    path = path.resolve()
    if path.is_dir() or not path.parent.is_dir():
        raise UsageError(f"{path}: " + ("it is a folder" if path.is_dir() else "there is no such folder"))
    if path.exists() and not path.is_file():
        # A file in the place of a device would be the end of it.
        with _filled(path), path.open("w", encoding="utf-8", newline="") as device:
            yield device
        return
    with ExitStack() as stack:
        with called(path):
            handle, name = _beside(path, stack)
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            try:
                with called(path):
                    file.truncate(0)
                with _filled(path):
                    yield file
                with called(path):
                    if not private:
                        _open_up(file, path)
                    file.close()
                    name.replace(path)
            except BaseException:
                name.unlink(missing_ok=True)
                raise


def _open_up(file: TextIO, path: Path) -> None:
    """Let a file be read by whom the one that it replaces may be read by."""
    if sys.platform != "win32":
        os.fchmod(file.fileno(), _mode_for(path))


def _mode_for(path: Path) -> int:
    try:
        return stat.S_IMODE(path.stat().st_mode) & 0o777
    except FileNotFoundError:
        # The umask can only be read by setting it, for all threads; a file that is made here tells as well.
        probe = path.with_name(f".{path.name}.{token_hex(4)}")
        handle = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _ANYBODY)
        try:
            return stat.S_IMODE(os.fstat(handle).st_mode)
        finally:
            os.close(handle)
            probe.unlink(missing_ok=True)


def _beside(path: Path, stack: ExitStack) -> tuple[int, Path]:
    """Open a file beside another, and claim it until the stack is closed.

    Its name is the same in every run, unless another process is at it or nothing can be claimed.
    """
    name = path.with_name(f".{path.name}.partial")
    handle = _claim(name)
    if handle is None:
        handle, other = mkstemp(dir=path.parent, prefix=f".{path.name}.")
        return handle, Path(other)
    # The claim outlives the handle: the file is closed before it takes its name, so that all is written.
    stack.callback(os.close, os.dup(handle))
    return handle, name


if sys.platform == "win32":

    def _claim(name: Path) -> int | None:
        """Open a file for this process alone; None, because a file that is open cannot be replaced here."""
        del name
        return None

else:
    import fcntl

    def _claim(name: Path) -> int | None:
        """Open a file for this process alone; None when another one has it, or it is not ours to write to."""
        while True:
            try:
                handle = os.open(name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, _OWNER_ONLY)
            except OSError:
                return None
            if _lock(handle):
                if not _is_still(name, handle):
                    os.close(handle)
                    continue  # who had it has given it its name in between
                if _is_private(os.fstat(handle)):
                    return handle
            os.close(handle)
            return None

    def _lock(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False  # another process is at it, or the file system has no locks
        return True

    def _is_private(found: os.stat_result) -> bool:
        return (
            stat.S_ISREG(found.st_mode)
            and found.st_uid == os.geteuid()
            and found.st_nlink == 1
            and stat.S_IMODE(found.st_mode) == _OWNER_ONLY
        )

    def _is_still(name: Path, handle: int) -> bool:
        try:
            return os.path.samestat(name.stat(), os.fstat(handle))
        except FileNotFoundError:
            return False


@contextmanager
def called(name: str | os.PathLike[str]) -> Iterator[None]:
    """Name the file that the user knows in what goes wrong inside."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, os.fspath(name)) from error


@contextmanager
def _filled(path: Path) -> Iterator[None]:
    """Name the file where a disk is full, which whoever writes to an open file does not."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL or error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


@asynccontextmanager
async def replacing_off_loop(path: Path, *, private: bool = True) -> AsyncGenerator[TextIO]:
    """Do what `replacing()` does, on threads; the body writes on threads as well."""
    stack = ExitStack()
    try:
        yield await on_thread(stack.enter_context, replacing(path, private=private))
    except BaseException as error:
        await on_thread(partial(stack.__exit__, type(error), error, error.__traceback__))
        raise
    await on_thread(stack.close)
