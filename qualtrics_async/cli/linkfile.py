"""What becomes of links: how they are made, where they are written, and in which columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from cyclopts import Group, Parameter

from qualtrics_async.bulk.writers import FileFormat
from qualtrics_async.cli.files import file_format, replacing
from qualtrics_async.cli.options import Flag
from qualtrics_async.cli.output import Writer, standard_output
from qualtrics_async.errors import UsageError

if TYPE_CHECKING:
    from qualtrics_async.bulk import ImportRow, Recipient
    from qualtrics_async.models import DistributionLink

__all__ = [
    "BATCH_COLUMNS",
    "DEFAULT_ORDER",
    "LINK_COLUMNS",
    "RECIPIENT_COLUMNS",
    "ROW_COLUMNS",
    "TO_STDOUT",
    "LinkFile",
    "LinkOrder",
    "identity",
    "link_row",
    "row_link",
]

RECIPIENT_COLUMNS: Final = (
    "mailing_list_id",
    "distribution_id",
    "contact_id",
    "contact_lookup_id",
    "external_data_reference",
    "email",
    "first_name",
    "last_name",
)
BATCH_COLUMNS: Final = ("transaction_batch_id", "transaction_id")
"""Columns that recipients of transaction batches have besides."""

LINK_COLUMNS: Final = (*RECIPIENT_COLUMNS, "link", "link_expiration")
ROW_COLUMNS: Final = ("row", "line", *LINK_COLUMNS)
"""Columns of the links of a file's rows: the number of the row, the line that it begins on, both from 1."""

_LINKS: Final = Group("The links", sort_key=1)


@Parameter(name="*", group=_LINKS)
@dataclass(frozen=True, kw_only=True)
class LinkOrder:
    """Which links are made.

    Args:
        expires: when the links end, with an offset: 2030-01-31T12:00Z.
        link_type: "Individual" for one response, "Multiple" for any number of them.
        description: what the distributions are called.
        deadline: seconds without a new link after which a list is given up.
    """

    expires: str | None = None
    link_type: Literal["Individual", "Multiple"] = "Individual"
    description: str | None = None
    deadline: float = 600.0

    def arguments(self) -> dict[str, Any]:
        """Name them as the library does.

        Raises:
            UsageError: when the end is no instant.
        """
        return {
            "expires": None if self.expires is None else _instant(self.expires),
            "link_type": self.link_type,
            "description": self.description,
            "deadline": self.deadline,
        }


@Parameter(name="*", group=_LINKS)
@dataclass(frozen=True, kw_only=True)
class LinkFile:
    """Where links are written.

    Args:
        output: where the links are written when all are there; stdout if no file is given. A file that is
            there already is the output of a job that has ended, and is left alone.
        overwrite: replace it all the same.
        format: csv, json, ndjson or parquet; by default what the suffix of the output says, else csv.
        spreadsheet_safe: put an apostrophe before every cell of a CSV that begins with = + - @, a tab or a
            carriage return (so before numbers like -5 as well), so that a spreadsheet runs none as a formula.
    """

    output: Path | None = None
    overwrite: Flag = False
    format: FileFormat | None = None
    spreadsheet_safe: Flag = False

    def check(self) -> None:
        """See that it does not go over the links of another job, or of the same one that has ended.

        Raises:
            UsageError: when it would.
        """
        path = self.output
        if path is not None and not self.overwrite and path.is_file() and path.stat().st_size:
            raise UsageError(
                f"{path} is there already: links that were generated again would be further links; "
                "name another file, or give --overwrite"
            )

    @property
    def form(self) -> FileFormat:
        """Choose the format.

        Raises:
            UsageError: when it does not go with the rest.
        """
        form = file_format(self.output, self.format)
        if self.spreadsheet_safe and form != "csv":
            raise UsageError(f"--spreadsheet-safe is for CSV, and the output is {form}")
        if form == "parquet" and self.output is None and standard_output().isatty():
            raise UsageError("Parquet is nothing to look at: give a file with --output")
        return form

    @contextmanager
    def writer(self, columns: Sequence[str]) -> Iterator[Writer]:
        """Open it; the file is there when all went well inside."""
        form = self.form
        with replacing(self.output) as file:
            yield Writer(file, columns, form, guard=self.spreadsheet_safe)


DEFAULT_ORDER: Final = LinkOrder()
TO_STDOUT: Final = LinkFile()


def link_row(
    recipient: Recipient, link: DistributionLink, columns: Sequence[str] = RECIPIENT_COLUMNS
) -> list[object]:
    """The values of `LINK_COLUMNS`, or of other columns of recipients and the last two."""
    return [*identity(recipient, columns).values(), link.link, link.link_expiration]


def identity(recipient: Recipient, columns: Sequence[str] = RECIPIENT_COLUMNS) -> dict[str, object]:
    """Who a recipient is."""
    return {column: getattr(recipient, column) for column in columns}


def row_link(row: ImportRow, made: Any) -> list[object]:
    """The values of `ROW_COLUMNS`."""
    contact = row.contact
    return [
        row.index + 1,
        row.line,
        made.mailing_list_id,
        made.distribution_id,
        made.contact_id,
        made.contact_lookup_id,
        *(contact.get(name) for name in ("extRef", "email", "firstName", "lastName")),
        made.link,
        made.link_expiration,
    ]


def _instant(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise UsageError(f"--expires takes an instant with an offset, as 2030-01-31T12:00Z: {text!r:.40}")
    return found
