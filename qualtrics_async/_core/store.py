"""SQLite off the loop: one file, one writer, one process at a time."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Final, NamedTuple, Self, TypeVar

import anyio
import msgspec

from qualtrics_async._core.tasks import on_thread
from qualtrics_async.errors import JournalError

__all__ = ["INBOX", "JOURNAL", "Kind", "Store"]

T = TypeVar("T")


class Kind(NamedTuple):
    """What a file is for: the word for it, and the application id that marks it as one of ours."""

    word: str
    application: int


JOURNAL: Final = Kind("journal", 0x514C5458)
INBOX: Final = Kind("inbox", 0x514C5449)

_NAMES: Final = {JOURNAL.application: "the journal of a job", INBOX.application: "an inbox of webhooks"}

_OWNER_ONLY: Final = 0o600

_PAGE: Final = 8192
"""Bytes: what is written are mostly packed rows, which need fewer steps in larger pages."""

_LEAST: Final = 512
"""Bytes of the smallest database; SQLite takes less than that for an empty one."""


class Store:
    """A SQLite database that this process has to itself until it is closed.

    A named file is durable: what a `run()` has written survives the process, and the machine as well
    (`synchronous=FULL`) unless it says that it need not. A second process that opens it is refused by an
    operating-system lock, and only its owner may read it. Without a name it is a temporary file that is gone
    afterwards. What is deleted is overwritten (`secure_delete`).
    """

    def __init__(
        self, connection: sqlite3.Connection, path: Path, *, temporary: bool, kind: Kind = JOURNAL
    ) -> None:
        self._connection = connection
        self._path = path
        self._kind = kind
        self.temporary = temporary
        self._durable = True
        self._closed = False
        self._one_at_a_time = anyio.CapacityLimiter(1)
        self._busy = Lock()

    @classmethod
    async def open(
        cls, path: str | os.PathLike[str] | None, schema: str, version: int, kind: Kind = JOURNAL
    ) -> Self:
        """Open or make the file; `schema` is run on a new one, `version` must match that of an old one.

        Raises:
            JournalError: when another process has it, when it is no file of ours, or when it is damaged.
        """
        opened: list[tuple[sqlite3.Connection, Path]] = []
        try:
            await on_thread(_open, path, schema, version, kind, opened)
        except BaseException:
            for connection, file in opened:
                await cls(connection, file, temporary=path is None, kind=kind).aclose()
            raise
        return cls(*opened[0], temporary=path is None, kind=kind)

    async def run(self, work: Callable[[sqlite3.Connection], T], *, durable: bool = True) -> T:
        """Do some work in one transaction on a thread; what it returns is durable when this returns.

        What is not `durable` survives the process, but a failure of power may take it back, and all that was
        written since, up to the next durable one: that makes everything durable that came before it too.
        A cancelled caller waits for the transaction to end, so that nothing is left half done.

        Raises:
            JournalError: when the file cannot be written, or is closed.
        """
        return await on_thread(self._transaction, work, durable, limiter=self._one_at_a_time)

    def _transaction(self, work: Callable[[sqlite3.Connection], T], durable: bool) -> T:
        # The limiter lets go of a thread when all tasks of the loop are cancelled; this does not.
        with self._busy:
            if self._closed:
                raise JournalError(f"the {self._kind.word} {self._path} is closed", reason="closed")
            with _explained(self._path, self._kind):
                return self._committed(work, durable)

    def _committed(self, work: Callable[[sqlite3.Connection], T], durable: bool) -> T:
        if durable is not self._durable and not self.temporary:
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._durable = durable
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            result = work(self._connection)
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        return result

    async def compact(self) -> None:
        """Write the file anew: of what was deleted, copies are left where SQLite has moved rows about."""
        await on_thread(self._compact, limiter=self._one_at_a_time)

    def _compact(self) -> None:
        with self._busy, _explained(self._path, self._kind):
            self._connection.execute("VACUUM")

    async def aclose(self) -> None:
        """Close the file and give the lock back; a temporary one is removed."""
        with anyio.CancelScope(shield=True):
            await on_thread(self._close, limiter=self._one_at_a_time)

    def _close(self) -> None:
        with self._busy:
            self._closed = True
            self._connection.close()
            if self.temporary:
                self._path.unlink(missing_ok=True)


def _open(
    path: str | os.PathLike[str] | None,
    schema: str,
    version: int,
    kind: Kind,
    opened: list[tuple[sqlite3.Connection, Path]],
) -> None:
    """Open the file; it goes into `opened`, where a caller who was cancelled meanwhile finds it."""
    if path is None:
        handle, name = tempfile.mkstemp(prefix="qualtrics-", suffix=".db")
        os.close(handle)
        file = Path(name)
    else:
        file = Path(path)
        # Only a new file: closing any handle of an old one would drop this process's own lock on it.
        with suppress(FileExistsError), _explained(file, kind):
            os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, _OWNER_ONLY))
    try:
        with _explained(file, kind):
            if 0 < file.stat().st_size < _LEAST:
                raise JournalError("it has been cut off", reason="damaged")
            connection = sqlite3.connect(file, timeout=0, isolation_level=None, check_same_thread=False)
            try:
                _prepare(connection, file, schema, version, kind, durable=path is not None)
            except BaseException:
                connection.close()
                raise
    finally:
        if path is None:
            # A killed process leaves nothing behind then; where an open file cannot go, it goes when closed.
            with suppress(OSError):
                file.unlink()
    opened.append((connection, file))


def _prepare(
    connection: sqlite3.Connection, file: Path, schema: str, version: int, kind: Kind, *, durable: bool
) -> None:
    # The exclusive mode comes before the first read: so WAL needs no shared memory, and the lock is kept.
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute(f"PRAGMA page_size = {_PAGE}")
    connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'OFF'}")
    # What is temporary does not have to last, and is fast as long as it fits into these 16 MB.
    connection.execute("PRAGMA temp.journal_mode = MEMORY")
    connection.execute("PRAGMA temp.cache_size = -16000")
    new = _is_new(connection, version, kind)
    # Only now is it known to be ours, and nothing of it is written yet.
    if durable:
        _narrow(file)
    if not new:
        _check_size(connection, file)
    connection.execute(f"PRAGMA journal_mode = {'WAL' if durable else 'MEMORY'}")
    connection.execute(f"PRAGMA secure_delete = {'ON' if durable else 'OFF'}")
    connection.execute("BEGIN EXCLUSIVE")
    if new:
        for statement in filter(str.strip, schema.split(";")):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {kind.application}")
        connection.execute(f"PRAGMA user_version = {version}")
    connection.execute("COMMIT")


def _narrow(file: Path) -> None:
    """Leave a file to its owner, with its log: SQLite has made that by now, with the mode of the file."""
    real = file.resolve()  # the log is beside what a link leads to
    for part in (real, real.with_name(f"{real.name}-wal")):
        with suppress(FileNotFoundError):
            if stat.S_IMODE(part.stat().st_mode) & ~_OWNER_ONLY:
                part.chmod(_OWNER_ONLY)


def _check_size(connection: sqlite3.Connection, file: Path) -> None:
    """Refuse a file that was cut short: SQLite itself takes zeros for what is missing of its last page."""
    # What a killed process left in its log may be more pages, or newer ones, than the file has.
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (page,) = connection.execute("PRAGMA page_size").fetchone()
    if file.stat().st_size != pages * page:
        raise JournalError("it has been cut off", reason="damaged")


def _is_new(connection: sqlite3.Connection, version: int, kind: Kind) -> bool:
    """Whether nothing is in the file yet; what is not ours is refused before anything is written."""
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if not tables:
        return True
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application != kind.application:
        raise JournalError(
            f"it is {_NAMES.get(application, 'a database of another program')}", reason="foreign"
        )
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found != version:
        raise JournalError(
            f"it was written in format {found}, this release reads {version}", reason="version"
        )
    return False


@contextmanager
def _explained(path: Path, kind: Kind) -> Iterator[None]:
    """Say of SQLite's errors what they mean for a file of this kind and what to do."""
    try:
        yield
    except JournalError as error:
        if error.reason == "damaged":
            raise _damaged(path, kind, error) from None
        raise JournalError(
            f"{path} cannot be the {kind.word}: {error}; name another file", reason=error.reason
        ) from None
    except FileExistsError:
        raise
    except OSError as error:
        raise JournalError(
            f"the {kind.word} {path} cannot be opened: {error.strerror}", reason="path"
        ) from error
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise JournalError(
                f"{path} is in use by another process; wait for it, or name another {kind.word}",
                reason="in use",
            ) from error
        raise JournalError(f"the {kind.word} {path} cannot be used: {error}", reason="unusable") from error
    except (sqlite3.DatabaseError, msgspec.DecodeError, json.JSONDecodeError) as error:
        raise _damaged(path, kind, error) from error


def _damaged(path: Path, kind: Kind, error: Exception) -> JournalError:
    return JournalError(
        f"{path} is no {kind.word}, or it is damaged ({error}); name another file, or restore it",
        reason="damaged",
    )
