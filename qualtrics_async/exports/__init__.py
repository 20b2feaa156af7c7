"""Responses out and in: exports as streams of bytes, records, rows and tables, and imports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qualtrics_async._lazy import lazy

if TYPE_CHECKING:
    from qualtrics_async.exports.archive import Member
    from qualtrics_async.exports.chunks import Chunks, stream
    from qualtrics_async.exports.columns import Column, ColumnMap, Names
    from qualtrics_async.exports.export import ExportInfo
    from qualtrics_async.exports.files import ExportedFile, SavedFormat, to_file
    from qualtrics_async.exports.follow_file import FollowFile
    from qualtrics_async.exports.follow_rounds import Followed, FollowOptions, follow
    from qualtrics_async.exports.follow_state import FollowState
    from qualtrics_async.exports.import_rows import ImportHeader
    from qualtrics_async.exports.importing import (
        ImportedResponses,
        ImportFormat,
        ImportSource,
        ImportState,
        import_responses,
    )
    from qualtrics_async.exports.kinds import Cell, Kind, kinds_of, read_cell
    from qualtrics_async.exports.many_exports import ManyOptions, many
    from qualtrics_async.exports.options import (
        Expansion,
        ExportFormat,
        ExportOptions,
        ExportState,
        StartOptions,
    )
    from qualtrics_async.exports.record_stream import Records, records
    from qualtrics_async.exports.row_stream import Row, Rows, TableFormat, rows
    from qualtrics_async.exports.survey_columns import columns_of_survey
    from qualtrics_async.exports.tables import to_arrow, to_pandas, to_parquet, to_polars

__all__ = [
    "Cell",
    "Chunks",
    "Column",
    "ColumnMap",
    "Expansion",
    "ExportFormat",
    "ExportInfo",
    "ExportOptions",
    "ExportState",
    "ExportedFile",
    "FollowFile",
    "FollowOptions",
    "FollowState",
    "Followed",
    "ImportFormat",
    "ImportHeader",
    "ImportSource",
    "ImportState",
    "ImportedResponses",
    "Kind",
    "ManyOptions",
    "Member",
    "Names",
    "Records",
    "Row",
    "Rows",
    "SavedFormat",
    "StartOptions",
    "TableFormat",
    "columns_of_survey",
    "follow",
    "import_responses",
    "kinds_of",
    "many",
    "read_cell",
    "records",
    "rows",
    "stream",
    "to_arrow",
    "to_file",
    "to_pandas",
    "to_parquet",
    "to_polars",
]

_FILES = (
    *("options", "archive", "export", "files", "many_exports", "chunks", "record_stream", "row_stream"),
    *("columns", "survey_columns", "kinds", "tables", "follow_state", "follow_file", "follow_rounds"),
    *("import_rows", "importing"),
)

if not TYPE_CHECKING:  # a checker that saw it would take any misspelt name for a helper
    __getattr__ = lazy(__name__, __all__, _FILES)
