"""Options that several commands have, each described once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeAlias

from cyclopts import Group, Parameter

from qualtrics_async.errors import UsageError

if TYPE_CHECKING:
    from qualtrics_async.bulk.identity import FileRows

__all__ = [
    "AS_USUAL",
    "FOUND_OUT",
    "NO_LIST",
    "USUAL",
    "BulkOptions",
    "Flag",
    "Into",
    "JobChoices",
    "Reading",
]

Flag: TypeAlias = Annotated[bool, Parameter(negative="")]

_TABS = {"tab": "\t", "\\t": "\t"}


_BULK: Final = Group("Bulk jobs", sort_key=2)


@Parameter(name="*", group=_BULK)
@dataclass(frozen=True, kw_only=True)
class JobChoices:
    """The options of every bulk job.

    Args:
        failures: where what does not succeed is written. Of a FILE its rows as they stand there and, unless
            the suffix is of another format, in its format, with five columns of notes that an import ignores:
            corrected, they can be given again. Else CSV or, by the suffix, NDJSON, JSON or Parquet.
        journal: the file that knows what was done, so that the same command goes on after an interruption;
            by default one beside the file, removed when all is done and nothing is in doubt.
        keep_rows: keep the rows in the journal, and the journal, when the job is over; else they are erased,
            and the same command on a journal that was named cannot tell again what they said.
        on_doubt: what becomes of a write whose reply was lost and that left no trace until
            --reconcile-timeout: "report" ends it in doubt, "resend" sends it again.
        reconcile_timeout: seconds in which such a write may still leave a trace.
        limit_rows_per_minute: rows that leave in a minute; as many as the quota allows if it is not given.
        max_failures: failures after which the job is stopped; the failures file is written then too.
    """

    failures: Path | None = None
    journal: Path | None = None
    keep_rows: Flag = False
    on_doubt: Literal["report", "resend"] = "report"
    reconcile_timeout: float = 600.0
    limit_rows_per_minute: float | None = None
    max_failures: int | None = None


@Parameter(name="*", group=_BULK)
@dataclass(frozen=True, kw_only=True)
class BulkOptions(JobChoices):
    """The options of a bulk job over contacts.

    Args:
        directory: the id of the directory (POOL_...); the default one if none is given.
    """

    directory: str | None = None


@Parameter(name="*", group=Group("The file", sort_key=1))
@dataclass(frozen=True, kw_only=True)
class Reading:
    """How a file of rows is read.

    Args:
        delimiter: the delimiter of a CSV file, "tab" for a tab; found by looking if none is given.
        encoding: the encoding of a CSV file.
    """

    delimiter: str | None = None
    encoding: str = "utf-8-sig"

    @property
    def separator(self) -> str | None:
        """The delimiter as a character."""
        return _TABS.get(self.delimiter or "", self.delimiter)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Into:
    """Which mailing lists rows are for.

    Args:
        mailing_list: the id of the list (CG_...).
        list_column: the column that has the id of each row's list, instead of --mailing-list; it is not sent.
    """

    mailing_list: str | None = None
    list_column: str | None = None

    def check(self) -> None:
        """See that exactly one of the two was given."""
        if (self.mailing_list is None) == (self.list_column is None):
            raise UsageError("give either --mailing-list or --list-column")

    def of(self, rows: FileRows) -> tuple[FileRows, str | Callable[[Any], str | None]]:
        """The rows as they are sent, and what finds the list of each."""
        if self.mailing_list is not None:
            return rows, self.mailing_list
        from qualtrics_async.cli.columns import without_column

        return without_column(rows, self.list_column or "")


FOUND_OUT: Final = Reading()
NO_LIST: Final = Into()
AS_USUAL: Final = JobChoices()
USUAL: Final = BulkOptions()
