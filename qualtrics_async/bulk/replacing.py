"""Files that take their name only when all is written, so that nobody ever sees half of one."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TextIO

import anyio.to_thread

from qualtrics_async._core.tasks import to_its_end
from qualtrics_async.errors import UsageError

__all__ = ["replacing", "replacing_off_loop"]


@contextmanager
def replacing(path: Path) -> Iterator[TextIO]:
    """Open a file in UTF-8, for its owner alone, that takes its name when the body has ended well.

    A device or a pipe of that name is written to as it is. Bytes go into the file's `buffer`.

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
