"""Many surveys, each into a file of its own, with an outcome for each of them."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias, Unpack, cast

import anyio.to_thread

from qualtrics_async._core.tasks import background_tasks, to_its_end
from qualtrics_async.bulk.fanout import Batch, Channel, Deliver, Outcomes
from qualtrics_async.bulk.job import Clock
from qualtrics_async.bulk.outcome import Failed, Ok, Outcome, Summary
from qualtrics_async.bulk.parquet import require
from qualtrics_async.bulk.sources import as_rows
from qualtrics_async.client import Qualtrics
from qualtrics_async.errors import (
    ConnectFailed,
    DecodeError,
    Forbidden,
    JobFailed,
    NotFound,
    QualtricsError,
    RateLimited,
    TransportError,
    Unauthorized,
    UsageError,
)
from qualtrics_async.exports.columns import Names
from qualtrics_async.exports.files import SUFFIXES, ExportedFile, SavedFormat, to_file
from qualtrics_async.exports.options import ExportOptions, planned
from qualtrics_async.exports.row_stream import check_names

__all__ = ["ManyOptions", "many"]

_STOPS: Final = (Unauthorized, ConnectFailed, RateLimited)
"""What would fail every other survey too."""

_REASONS: Final[tuple[tuple[type[QualtricsError], str], ...]] = (
    (Forbidden, "forbidden"),
    (NotFound, "no such survey"),
    (DecodeError, "broken file"),
    (TransportError, "broken connection"),
)
_OURS: Final = ("names", "zipped")
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")

_Write: TypeAlias = Callable[[str, Path], Awaitable[ExportedFile]]


class ManyOptions(ExportOptions, total=False):
    """The options of many exports: those of each, and these. `use_labels` is for Parquet as well.

    Keys:
        names: what the columns of Parquet are called, as of `to_parquet()`.
        zipped: keep the service's archives, checked, as `<survey id>.zip`; not of Parquet.
    """

    names: Names
    zipped: bool


@asynccontextmanager
async def many(
    client: Qualtrics,
    survey_ids: Iterable[str] | AsyncIterable[str],
    folder: str | os.PathLike[str],
    *,
    format: SavedFormat = "csv",  # noqa: A002  (the wire's name)
    concurrency: int = 8,
    **options: Unpack[ManyOptions],
) -> AsyncGenerator[Outcomes[str, ExportedFile]]:
    """Export many surveys, each to `<survey id>.<suffix>` in a folder; the context's value yields outcomes.

    ```python
    surveys = (survey.id async for survey in client.surveys.list())
    async with exports.many(client, surveys, "responses") as outcomes:
        async for outcome in outcomes: ...
    ```

    Each survey has one: `Ok` with its `ExportedFile`, or `Failed`, with the reason `"forbidden"`,
    `"no such survey"`, `"broken connection"`, `"broken file"`, `"refused"`, or the status of its `JobFailed`.
    Nothing is left of what failed, and a file of an earlier run stays as it was. An id that comes again is
    left out. The folder is made if only it is missing. `on_progress` is told of all surveys, by `survey_id`.

    Args:
        client: an open client.
        survey_ids: the ids, of any number; they are read as there is room.
        folder: where the files go.
        format: what is in them.
        concurrency: exports at a time. Each waits for the service most of the time, and the client keeps to
            the limits of the brand whatever this says.
        options: the options of every export, see `ManyOptions`.

    Raises:
        UsageError: for arguments that cannot be meant, before any request; from the iteration, for ids that
            are no texts.
        OSError: when the folder cannot be made; from the iteration, when a file cannot be written.
        QualtricsError: from the iteration, when an error would fail every survey.
    """
    write = _writer(client, format, options)
    if concurrency < 1:
        raise UsageError(f"concurrency is positive, got {concurrency}")
    source = _source(survey_ids)
    suffix = ".zip" if options.get("zipped") else SUFFIXES[format]
    folder = Path(folder)
    await to_its_end(anyio.to_thread.run_sync(_make, folder))
    summary = Summary()
    clock = Clock(client, summary)
    channel = Channel[str, ExportedFile](concurrency, workers=concurrency)
    outcomes = Outcomes(channel, summary, clock.read)
    try:
        async with aclosing(source) as ids:
            work = _Work(_Ids(ids, summary), folder, suffix, write, channel)
            async with background_tasks() as tasks:
                with client.observe(clock.count):  # the tasks keep it, the body does not
                    for _ in range(concurrency):
                        tasks.start_soon(work.run)
                yield outcomes
    finally:
        clock.read()
        outcomes.close()


def _writer(client: Qualtrics, form: SavedFormat, options: ManyOptions) -> _Write:
    """Check the options, once for all surveys."""
    if form not in SUFFIXES:
        raise UsageError(f"format is one of {', '.join(SUFFIXES)}, got {form!r:.40}")
    common: dict[str, Any] = {name: value for name, value in options.items() if name not in _OURS}
    planned("csv" if form == "parquet" else form, cast("ExportOptions", common))
    zipped = options.get("zipped", False)
    if not isinstance(zipped, bool):
        raise UsageError(f"zipped is True or False, got {zipped!r:.40}")
    if form != "parquet":
        if "names" in options:
            raise UsageError(f"names are those of the columns of Parquet, and the format is {form}")
        return partial(to_file, client, format=form, **common)
    from qualtrics_async.exports.tables import to_parquet  # needs an extra

    if zipped:
        raise UsageError("zipped keeps what the service makes, and it makes no Parquet")
    require()
    names = options.get("names", "tag")
    check_names(names)
    return partial(to_parquet, client, names=names, **common)


def _source(survey_ids: object) -> AsyncGenerator[Any]:
    if isinstance(survey_ids, str):
        return as_rows([survey_ids])
    if isinstance(survey_ids, bytes | Mapping) or not isinstance(survey_ids, Iterable | AsyncIterable):
        raise UsageError(f"survey_ids takes an iterable of ids, got {type(survey_ids).__name__}")
    return as_rows(survey_ids)


def _make(folder: Path) -> None:
    if not folder.is_dir():
        if folder.exists() or not folder.parent.is_dir():
            what = "it is no folder" if folder.exists() else "there is no folder to make it in"
            raise UsageError(f"{folder}: {what}")
        folder.mkdir(exist_ok=True)


class _Ids:
    """The ids as they come, each once; several workers take them."""

    def __init__(self, source: AsyncGenerator[Any], summary: Summary) -> None:
        self._source = source
        self._summary = summary
        self._seen: set[str] = set()
        self._turn = asyncio.Lock()

    async def next(self) -> str | None:
        """The next one; None at the end.

        Raises:
            UsageError: for what is no text.
        """
        async with self._turn:
            async for found in self._source:
                if not isinstance(found, str):
                    raise UsageError(f"survey_ids are texts, as survey.id is, got {type(found).__name__}")
                if found not in self._seen:
                    self._seen.add(found)
                    self._summary.items += 1
                    return found
        return None


class _Work:
    """What each of the workers does."""

    def __init__(
        self, ids: _Ids, folder: Path, suffix: str, write: _Write, channel: Channel[str, ExportedFile]
    ) -> None:
        self._ids = ids
        self._folder = folder
        self._suffix = suffix
        self._write = write
        self._channel = channel

    async def run(self) -> None:
        """Export one survey after the other, until there are no more."""
        async with self._channel.worker() as deliver:
            while not self._channel.is_stopped and (survey_id := await self._ids.next()) is not None:
                await self._export(survey_id, deliver)

    async def _export(self, survey_id: str, deliver: Deliver[str, ExportedFile]) -> None:
        outcome: Outcome[str, ExportedFile]
        try:
            outcome = Ok(survey_id, await self._saved(survey_id))
        except _STOPS:
            raise
        except QualtricsError as error:
            outcome = Failed(survey_id, error, _reason(error))
        await deliver(Batch([outcome]))

    async def _saved(self, survey_id: str) -> ExportedFile:
        # An id is opaque, but this one becomes the name of a file, on whatever system.
        if not _NAME.fullmatch(survey_id):
            raise UsageError(f"{survey_id!r:.80} is no id of a survey: no file can be named after it")
        return await self._write(survey_id, self._folder / f"{survey_id}{self._suffix}")


def _reason(error: QualtricsError) -> str:
    if isinstance(error, JobFailed):
        return error.status or "failed"
    return next((reason for kind, reason in _REASONS if isinstance(error, kind)), "refused")
