"""The file that keeps a state: never half written, for its owner alone, for one process at a time."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final, TextIO

import anyio.to_thread

from qualtrics_async._core.replacing import replacing
from qualtrics_async._core.tasks import to_its_end
from qualtrics_async.errors import JournalError, UsageError
from qualtrics_async.exports.follow_state import FollowState

__all__ = ["FollowFile"]

_OWNER_ONLY: Final = 0o600
_NOT_SUPPORTED: Final = (errno.EINVAL, errno.ENOTSUP)
"""What file systems answer that cannot sync a folder."""

_LARGEST: Final = 1024 * 1024
"""Bytes: no state is nearly as large."""


class FollowFile:
    """A file for the state of `follow()`, which reads it at its beginning and writes it after each round.

    It need not be there: then the first round has everything. It is replaced as a whole, is on the disk
    before the next round begins, and has mode 0600: a continuation token of the service is in it, and no
    answers. While one process follows with it, a second one is refused; on Windows it is not.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def __repr__(self) -> str:
        return f"FollowFile({str(self.path)!r})"

    @asynccontextmanager
    async def held(self) -> AsyncGenerator[FollowState | None]:
        """Keep the file from other processes, and read what is in it; None if it is not there.

        Raises:
            UsageError: when there can be no file of that name.
            JournalError: when it is damaged, in use by another process, or of another release.
        """
        claim = ExitStack()
        try:
            await to_its_end(anyio.to_thread.run_sync(claim.enter_context, self._claimed()))
            yield await to_its_end(anyio.to_thread.run_sync(self._load))
        finally:
            await to_its_end(anyio.to_thread.run_sync(claim.close))

    async def save(self, state: FollowState) -> None:
        """Replace what is in the file; the state is on the disk when this returns.

        Raises:
            OSError: when it cannot be written; what was there stays.
        """
        await to_its_end(anyio.to_thread.run_sync(self._save, state))

    def _load(self) -> FollowState | None:
        try:
            with self.path.open("rb") as file:
                text = file.read(_LARGEST)
        except FileNotFoundError:
            return None
        try:
            return FollowState.from_json(text)
        except JournalError as error:
            raise JournalError(f"{self.path}: {error}", reason=error.reason) from error

    def _save(self, state: FollowState) -> None:
        path = self.path.resolve()
        with replacing(path) as file:
            file.write(state.to_json().decode())
            file.flush()
            os.fsync(file.fileno())
        _sync_folder(path.parent)

    @contextmanager
    def _claimed(self) -> Iterator[None]:
        path = self.path.resolve()
        if path.exists() and not path.is_file():
            raise UsageError(f"{self.path}: it is no file that a state can be written to")
        if not path.parent.is_dir():
            raise UsageError(f"{self.path}: there is no such folder")
        with _locked(path.with_name(f".{path.name}.lock"), self.path):
            yield


if sys.platform == "win32":

    def _sync_folder(folder: Path) -> None:
        """Do nothing: a folder cannot be opened here."""
        del folder

    @contextmanager
    def _locked(lock: Path, path: Path) -> Iterator[None]:
        """Lock nothing: a file that is open could not be removed here."""
        del lock, path
        yield

else:
    import fcntl

    def _sync_folder(folder: Path) -> None:
        """Wait until a name given in a folder is on the disk: without it, a lost power supply undoes it."""
        try:
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except PermissionError:
            return  # one may write to a folder that one may not read
        try:
            os.fsync(handle)
        except OSError as error:
            if error.errno not in _NOT_SUPPORTED:
                raise
        finally:
            os.close(handle)

    @contextmanager
    def _locked(lock: Path, path: Path) -> Iterator[None]:
        """Have a file beside another one to oneself; it is gone afterwards, a killed process leaves it."""
        while True:
            handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, _OWNER_ONLY)
            with os.fdopen(handle) as file:
                if not _lock(file):
                    raise JournalError(
                        f"{path} is in use by another process; wait for it, or name another file",
                        reason="in use",
                    )
                if not _is_still(lock, file):
                    continue  # who had it has removed it in between
                try:
                    yield
                finally:
                    lock.unlink(missing_ok=True)
                return

    def _lock(file: TextIO) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            pass  # the file system has no locks
        return True

    def _is_still(lock: Path, file: TextIO) -> bool:
        try:
            return os.path.samestat(lock.stat(), os.fstat(file.fileno()))
        except FileNotFoundError:
            return False
