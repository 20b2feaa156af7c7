"""What imports of responses are to a type checker. Never run: mypy reads it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Literal, assert_type

from qualtrics_async import Qualtrics, exports
from qualtrics_async.exports import ImportedResponses, ImportState, import_responses
from qualtrics_async.models import JobProgress, Response


async def imports(
    client: Qualtrics, file: BinaryIO, rows: list[Mapping[str, Any]], records: AsyncIterator[Response]
) -> None:
    """Every kind of source is one coroutine with one result."""
    done = await import_responses(client, "SV_1", "responses.csv", once=True)
    assert_type(done, ImportedResponses)
    assert_type(done.job_id, str | None)
    assert_type(done.rows, int | None)
    assert_type(done.progress, JobProgress | None)
    assert_type(done.once, bool)
    assert_type(done.unknown_columns, tuple[str, ...] | None)
    await import_responses(client, "SV_1", rows, check=False)
    await exports.import_responses(client, "SV_1", Path("a.tsv"), format="tsv", charset="UTF-16")
    await exports.import_responses(client, "SV_1", file, idempotency_key="key-1")
    await exports.import_responses(client, "SV_1", b"Q1\n1\n", on_progress=look)
    await exports.import_responses(client, "SV_1", rows, header="import_ids")
    await exports.import_responses(client, "SV_1", records, stall_timeout=60)
    await exports.import_responses(client, "SV_1", rows, format="json")  # type: ignore[arg-type]  # must be an error
    await exports.import_responses(client, "SV_1", 7)  # type: ignore[arg-type]  # must be an error


def look(state: ImportState) -> None:
    """A progress hook."""
    assert_type(state.phase, Literal["reading", "sending", "importing"])
    assert_type(state.percent, float)
    assert_type(state.idempotency_key, str | None)
