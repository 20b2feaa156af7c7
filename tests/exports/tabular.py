"""Tables as they are in the archive of an export, and readers of them that are not ours."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

from qualtrics_async.exports.archive import Archive
from qualtrics_async.exports.cells import Cells
from qualtrics_async.exports.options import Expansion

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

DELIMITERS = {"csv": ",", "tsv": "\t"}


def header(import_ids: Sequence[str], time_zone: str | None = None) -> list[list[str]]:
    """Three header rows; dates have the time zone."""
    zone = {} if time_zone is None else {"timeZone": time_zone}
    sources = [{"ImportId": name} | (zone if name.endswith("Date") else {}) for name in import_ids]
    return [
        [f"t{number}" for number, _ in enumerate(import_ids)],
        [f"Text\nof {name}" for name in import_ids],
        [json.dumps(source) for source in sources],
    ]


def written(
    rows: Iterable[Sequence[str]], *, form: str = "csv", line_end: str = "\n", quoted: bool = False
) -> bytes:
    """A table as the csv module writes it."""
    text = io.StringIO(newline="")
    dialect = csv.unix_dialect if quoted else csv.excel
    csv.writer(text, dialect, delimiter=DELIMITERS[form], lineterminator=line_end).writerows(rows)
    return text.getvalue().encode()


def archive(*members: bytes, form: Any = "csv") -> Archive:
    """An archive with these members."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for number, member in enumerate(members):
            packed.writestr(f"survey_{number}.{form}", member)
    return Archive(file, form, Expansion())


def read(*members: bytes, form: Any = "csv") -> tuple[Cells, list[list[str]]]:
    """All rows of an archive."""
    cells = Cells(archive(*members, form=form).stream(), DELIMITERS[form], "tag")
    cells.open()
    rows: list[list[str]] = []
    while (taken := cells.take(1_000, 256 * 1024)) is not None:
        rows += taken.rows
    return cells, rows
