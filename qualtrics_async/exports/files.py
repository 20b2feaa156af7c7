"""The responses of a survey as a file: all of it under its name, or nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal, TypeAlias, Unpack

from msgspec import Struct

from qualtrics_async._core.replacing import replacing_off_loop
from qualtrics_async._core.request import fill
from qualtrics_async.client import Qualtrics
from qualtrics_async.errors import UsageError
from qualtrics_async.exports.export import ExportInfo
from qualtrics_async.exports.options import ExportFormat, ExportOptions, planned
from qualtrics_async.exports.saving import save, target_in

__all__ = ["SUFFIXES", "ExportedFile", "SavedFormat", "format_of", "to_file"]

SavedFormat: TypeAlias = ExportFormat | Literal["parquet"]
"""What a file of responses may hold."""

SUFFIXES: Final[Mapping[SavedFormat, str]] = {
    "csv": ".csv",
    "tsv": ".tsv",
    "json": ".json",
    "ndjson": ".ndjson",
    "spss": ".sav",
    "xml": ".xml",
    "parquet": ".parquet",
}
"""How the files of each format end."""

_FORMATS: Final[Mapping[str, SavedFormat]] = {suffix: form for form, suffix in SUFFIXES.items()} | {
    ".jsonl": "ndjson"
}
_ARCHIVE: Final = ".zip"


class ExportedFile(Struct, frozen=True, kw_only=True):
    """A file of responses that is complete; `size` is in bytes, `format` what is in it (also in a zip)."""

    survey_id: str
    path: Path
    format: SavedFormat
    size: int
    info: ExportInfo


def format_of(path: Path) -> SavedFormat | None:
    """Tell the format of a file by its suffix: csv for what is in a zip, None where it says nothing."""
    suffix = path.suffix.lower()
    return "csv" if suffix == _ARCHIVE else _FORMATS.get(suffix)


async def to_file(
    client: Qualtrics,
    survey_id: str,
    path: str | os.PathLike[str],
    *,
    format: ExportFormat | None = None,  # noqa: A002  (the wire's name)
    **options: Unpack[ExportOptions],
) -> ExportedFile:
    """Export the responses of a survey to a file, in constant memory, whatever their number.

    ```python
    exported = await exports.to_file(client, "SV_0aB1cD2eF3gH4iJ", "responses.csv")
    ```

    The suffix says the format, if `format` does not: `.csv`, `.tsv`, `.json`, `.ndjson` or `.jsonl`, `.sav`
    (SPSS), `.xml`. A `.zip` is the service's archive as it came, checked; `format` is what is in it then.

    The file takes its name when it is complete and its checksums are right, over whatever was there: until
    then it is `.<name>.partial` beside it, for its owner alone. A download that turns out to be corrupt is
    done again within the client's `retry`. A device or a pipe is written to as it is, when all is checked.
    The archive is in the folder for temporary files (`TMPDIR`) meanwhile.

    Raises:
        UsageError: for a suffix that says no format, a path where there can be no file, and options that
            exclude one another, before any request.
        OSError: with the name of the file, when it cannot be written.
        JobFailed, TransportError, DecodeError, QualtricsError: as `stream()` does.
    """
    path = Path(path)
    form = _chosen(path, format)
    plan = planned(form, options)
    fill("/surveys/{surveyId}", (survey_id,))
    async with replacing_off_loop(path, private=False) as file, target_in(file, str(path)) as target:
        info = await save(client, survey_id, plan, target, as_archive=path.suffix.lower() == _ARCHIVE)
    return ExportedFile(survey_id=survey_id, path=path, format=form, size=target.size, info=info)


def _chosen(path: Path, form: ExportFormat | None) -> ExportFormat:
    found = form or format_of(path)
    if found is None:
        known = ", ".join((*_FORMATS, _ARCHIVE))
        raise UsageError(f"{path}: its suffix says no format: choose one of {known}, or give format")
    if found == "parquet":
        raise UsageError(f"{path}: Parquet is written by exports.to_parquet()")
    return found
