"""What rows and tables of responses are to a type checker. Never run: mypy reads it."""

from __future__ import annotations

from pathlib import Path
from typing import assert_type

import polars as pl

from qualtrics_async import Qualtrics, exports
from qualtrics_async.exports import ExportedFile, ExportInfo, Rows
from qualtrics_async.exports.columns import ColumnMap


async def tables(client: Qualtrics) -> None:
    """Rows are dicts of text; tables are what their libraries call them."""
    async with exports.rows(client, "SV_1", format="tsv", names="import_id", use_labels=True) as rows:
        assert_type(rows, Rows)
        assert_type(rows.columns, ColumnMap)
        assert_type(rows.info, ExportInfo)
        async for row in rows:
            assert_type(row, dict[str, str])
    assert_type(await exports.to_polars(client, "SV_1", labels=True, limit=3), pl.DataFrame)
    assert_type(await exports.to_polars(client, "SV_1", use_labels=True, question_ids={"QID1"}), pl.DataFrame)
    assert_type(await exports.to_parquet(client, "SV_1", Path("a.parquet")), ExportedFile)
    await exports.to_arrow(client, "SV_1", labels=None, on_progress=lambda state: state.done)
    exports.rows(client, "SV_1", format="json")  # type: ignore[arg-type]  # no table
    await exports.to_arrow(client, "SV_1", names="label")  # type: ignore[arg-type]  # no such names
    await exports.to_arrow(client, "SV_1", startdate="")  # type: ignore[call-arg]  # misspelt
    await exports.to_arrow(client, "SV_1", format="csv")  # type: ignore[call-arg]  # it is always csv
