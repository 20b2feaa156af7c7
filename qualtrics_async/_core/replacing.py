"""Files that take their name only when all is written, so that nobody ever sees half of one."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from tempfile import mkstemp
from typing import Final, TextIO

import anyio.to_thread

from qualtrics_async._core.tasks import to_its_end
from qualtrics_async.errors import UsageError

__all__ = ["replacing", "replacing_off_loop"]

_OWNER_ONLY: Final = 0o600


@contextmanager
def replacing(path: Path) -> Iterator[TextIO]:
    """Open a file in UTF-8, for its owner alone, that takes its name when the body has ended well.

    Until then it is `.<name>.partial` beside it; what a killed process left of one is written over. A device
    or a pipe of that name is written to as it is. Bytes go into the file's `buffer`.

    Raises:
        UsageError: when there can be no file of that name.
        OSError: when it cannot be written.
    """
    path = path.resolve()
    if path.is_dir() or not path.parent.is_dir():
        raise UsageError(f"{path}: " + ("it is a folder" if path.is_dir() else "there is no such folder"))
    if path.exists() and not path.is_file():
        # A file in the place of a device would be the end of it.
        with path.open("w", encoding="utf-8", newline="") as device:
            yield device
        return
    with ExitStack() as stack:
        with _called(path):
            handle, name = _beside(path, stack)
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            try:
                file.truncate(0)
                yield file
                with _called(path):
                    file.close()
                    name.replace(path)
            except BaseException:
                name.unlink(missing_ok=True)
                raise


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
def _called(path: Path) -> Iterator[None]:
    """Name the file that the user knows in what goes wrong inside."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


@asynccontextmanager
async def replacing_off_loop(path: Path) -> AsyncGenerator[TextIO]:
    """Do what `replacing()` does, on threads; the body writes on threads as well."""
    stack = ExitStack()
    try:
        yield await to_its_end(anyio.to_thread.run_sync(stack.enter_context, replacing(path)))
    except BaseException as error:
        leave = partial(stack.__exit__, type(error), error, error.__traceback__)
        await to_its_end(anyio.to_thread.run_sync(leave))
        raise
    await to_its_end(anyio.to_thread.run_sync(stack.close))
