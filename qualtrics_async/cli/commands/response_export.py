"""`responses export`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from qualtrics_async.cli.exportjobs import (
    EVERYTHING,
    ExportForm,
    Names,
    Selection,
    run_export,
    run_exports,
)
from qualtrics_async.errors import UsageError

__all__ = ["export"]

_STDOUT: Final = "-"
_SEPARATORS: Final = tuple(filter(None, (os.sep, os.altsep)))


def export(
    surveys: Annotated[list[str], Parameter(negative="")],
    /,
    *,
    output: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    format: ExportForm | None = None,  # noqa: A002  (the option's name)
    names: Names | None = None,
    selection: Selection = EVERYTHING,
) -> int:
    """Export the responses of surveys: one to a file or to stdout, several to a folder.

    A file takes its name when it is complete and its checksums are right; it replaces one of that name, which
    is whole until then. Nothing is written to stdout before the download is whole: meanwhile it is in the
    folder for temporary files (TMPDIR). The same command can be repeated: an export changes nothing.

    Args:
        surveys: the ids of surveys (SV_...). In a folder, those that fail do not stop the others; the exit
            code is 3 then.
        output: a file, or a folder for files named after the surveys (SV_....csv). What ends in a slash is a
            folder, as is what several surveys go to; it is made if only it is missing. A .zip is the archive
            as the service made it. Stdout if it is - or none is given.
        format: what is in the files; by default what the suffix of the output says, else csv. Parquet takes
            the types of its columns from the survey.
        names: what the columns of Parquet are called: by the export tags (the default), the import ids or the
            texts of the questions.
    """
    if output is None or output == _STDOUT:
        if len(surveys) > 1:
            raise UsageError("several surveys are several files: give a folder with --output")
        return run_export(surveys[0], None, format, names, selection)
    path = _path(output)
    is_folder = output.endswith(_SEPARATORS) or path.is_dir()
    if len(surveys) == 1 and not is_folder:
        return run_export(surveys[0], path, format, names, selection)
    if not is_folder:
        _check_folder(path)
    return run_exports(surveys, path, format or "csv", names, selection)


def _path(output: str) -> Path:
    if not output.strip():
        raise UsageError("--output is empty: give a file, a folder, or - for stdout")
    if output.startswith("-"):
        raise UsageError(
            f"--output takes a file, a folder or -, got {output!r:.80}; a name like that is ./{output}"
        )
    return Path(output)


def _check_folder(path: Path) -> None:
    """See that what is to be a folder is not called like a file."""
    from qualtrics_async.exports.files import format_of

    if not path.exists() and format_of(path) is not None:
        raise UsageError(
            f"{path}: several surveys are several files, and this is the name of one: give a folder, "
            f"as {path.with_suffix('')}{os.sep}"
        )
