"""`responses export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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


def export(
    surveys: Annotated[list[str], Parameter(negative="")],
    /,
    *,
    output: Path | None = None,
    format: ExportForm | None = None,  # noqa: A002  (the option's name)
    names: Names | None = None,
    selection: Selection = EVERYTHING,
) -> int:
    """Export the responses of surveys: one to a file or to stdout, several to a folder.

    A file takes its name when it is complete and its checksums are right; it replaces one of that name, which
    is whole until then. Nothing is written to stdout before the download is whole: meanwhile it is in the
    folder for temporary files (TMPDIR). The same command can be repeated: an export changes nothing.

    Args:
        surveys: the ids of surveys (SV_...). Of several, those that fail do not stop the others.
        output: a file, or a folder for files named after the surveys (SV_....csv), which is made if there are
            several surveys. A .zip is the archive as the service made it. Stdout if none is given.
        format: what is in the files; by default what the suffix of the output says, else csv. Parquet takes
            the types of its columns from the survey.
        names: what the columns of Parquet are called: by the export tags (the default), the import ids or the
            texts of the questions.
    """
    is_folder = output is not None and output.is_dir()
    if len(surveys) == 1 and not is_folder:
        return run_export(surveys[0], output, format, names, selection)
    if output is None:
        raise UsageError("several surveys are several files: give a folder with --output")
    return run_exports(surveys, output, format or "csv", names, selection)
