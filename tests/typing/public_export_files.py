"""What files of responses are to a type checker. Never run: mypy reads it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import assert_type

from qualtrics_async import Qualtrics, exports
from qualtrics_async.bulk import Failed, Ok, Outcomes, Summary
from qualtrics_async.exports import ExportedFile, ExportInfo, ExportOptions, ManyOptions, SavedFormat


async def one(client: Qualtrics, common: ExportOptions) -> None:
    """A file is described by what is known of it."""
    done = await exports.to_file(client, "SV_1", "responses.csv", **common)
    assert_type(done, ExportedFile)
    assert_type((done.path, done.size, done.format), tuple[Path, int, SavedFormat])
    assert_type(done.info, ExportInfo)
    await exports.to_file(client, "SV_1", Path("responses.zip"), format="spss", limit=5)
    await exports.to_file(client, "SV_1", "a.parquet", format="parquet")  # type: ignore[arg-type]  # it is to_parquet's
    await exports.to_file(client, "SV_1", "a.csv", limits=5)  # type: ignore[call-arg]  # it is misspelt


async def several(client: Qualtrics, ids: AsyncIterator[str], common: ManyOptions) -> None:
    """Outcomes are of surveys by their ids."""
    async with exports.many(client, ids, "folder", format="parquet", **common) as outcomes:
        assert_type(outcomes, Outcomes[str, ExportedFile])
        assert_type(outcomes.summary, Summary)
        async for outcome in outcomes:
            match outcome:
                case Ok(item=survey_id, value=made):
                    assert_type(survey_id, str)
                    assert_type(made, ExportedFile)
                case Failed(reason=reason):
                    assert_type(reason, str)
    exports.many(client, ["SV_1"], Path("folder"), format="csv", concurrency=2, use_labels=True)
    exports.many(client, ["SV_1"], "folder", names="number")  # type: ignore[arg-type]  # there are no such names
    exports.many(client, [1], "folder")  # type: ignore[list-item]  # an id is a text
