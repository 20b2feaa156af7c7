"""The journals of the command line: their usual names, how a job goes on, and when they are removed."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from hashlib import blake2b
from pathlib import Path
from typing import Final

from qualtrics_async.bulk.fanout import TOO_MANY
from qualtrics_async.bulk.journal import sent_anything
from qualtrics_async.cli.output import say
from qualtrics_async.errors import (
    JobFailed,
    JournalError,
    QualtricsError,
    RateLimited,
    ServerFault,
    TransportError,
)

__all__ = ["command_line", "forget", "resumable", "usual_journal"]

_AGAIN: Final = (KeyboardInterrupt, OSError, TransportError, ServerFault, RateLimited)
"""What may be otherwise the next time; all else has to be corrected first."""

command_line: ContextVar[Sequence[str]] = ContextVar("command_line", default=())
"""The arguments that this run was started with."""


def usual_journal(path: Path, *identity: object) -> Path:
    """Name the journal of a job around a file: the same job has the same one, every other another."""
    digest = blake2b(repr(identity).encode(), digest_size=4).hexdigest()
    return path.with_name(f"{path.name}.{digest}.journal")


@contextmanager
def resumable(journal: Path, *, usual: bool, source: Path | None = None) -> Iterator[None]:
    """Say how to go on when what is done inside is interrupted or fails.

    A journal that nobody asked for (`usual`) is removed when nothing was sent and the job must be corrected.
    `source` is the file that the job is about, if it is about one.
    """
    try:
        yield
    except JournalError as error:
        if str(journal) not in str(error):
            error.args = (f"{journal}: {error}", *error.args[1:])
        raise
    except (KeyboardInterrupt, OSError, QualtricsError) as error:
        if journal.exists():
            _explain(journal, error, usual=usual, source=source)
        raise


def _explain(journal: Path, error: BaseException, *, usual: bool, source: Path | None) -> None:
    if not isinstance(error, _AGAIN):
        if not sent_anything(journal):
            if usual:
                forget(journal)
            again = "" if usual else f", without {journal} or with another journal"
            say(f"nothing was sent: correct it and start again{again}")
            return
        if isinstance(error, JobFailed) and error.status == TOO_MANY:
            _explain_limit(journal, source)
            return
        say(f"{journal} knows what was done. When it is corrected, run the same command again:")
    else:
        say(f"{journal} knows what was done. To go on, run the same command again:")
    say(f"  {shlex.join(['qualtrics-async', *command_line.get()])}")


def _explain_limit(journal: Path, source: Path | None) -> None:
    """Say how a job goes on that its failures have stopped: the same ones fail again."""
    what = source or "what they come from"
    say(
        f"{journal} knows what was done. What has failed fails again: to go on with it, run the same command "
        "with a higher --max-failures, and correct the failures at its end."
    )
    say(
        f"To start anew, correct {what} and run the command without {journal}, or with another --journal: "
        "it does everything again, also what was done"
    )


def forget(journal: Path) -> None:
    """Remove a journal that nobody asked for, now that its job is done."""
    for suffix in ("", "-wal", "-shm"):
        journal.with_name(journal.name + suffix).unlink(missing_ok=True)
