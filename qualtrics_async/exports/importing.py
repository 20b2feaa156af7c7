"""Responses into a survey: from a file, from memory, from an address, or from rows of any kind and number."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from io import SEEK_END
from pathlib import PurePath
from typing import Any, BinaryIO, Final, Literal, TypeAlias, TypeGuard, get_args
from urllib.parse import urlsplit
from uuid import UUID, uuid4, uuid5

import anyio.to_thread
from msgspec import Struct
from msgspec.structs import replace

from qualtrics_async._core.request import fill
from qualtrics_async._core.tasks import to_its_end
from qualtrics_async.bulk.readers import read_contacts
from qualtrics_async.client import Qualtrics
from qualtrics_async.errors import JobFailed, QualtricsError, UsageError
from qualtrics_async.exports.import_check import read_head, unknown_columns
from qualtrics_async.exports.import_rows import DELIMITERS, ImportHeader, written
from qualtrics_async.exports.job import Watch
from qualtrics_async.models.common import JobProgress
from qualtrics_async.resources.response_imports import header_text

__all__ = ["ImportFormat", "ImportSource", "ImportState", "ImportedResponses", "import_responses"]

ImportFormat: TypeAlias = Literal["csv", "tsv"]

ImportSource: TypeAlias = str | os.PathLike[str] | bytes | BinaryIO | Iterable[Any] | AsyncIterable[Any]
"""What is imported: a path, an `https://` address, bytes, an open binary file, or rows."""

_FORMATS: Final[dict[str, ImportFormat]] = {".csv": "csv", ".tsv": "tsv", ".txt": "tsv"}
_ROWS: Final = frozenset({".ndjson", ".jsonl", ".parquet"})
"""Suffixes of files that are read as rows: the service takes CSV and TSV alone (documented)."""

_SUFFIX: Final = re.compile(r"\.[a-z0-9]{1,10}")
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]{0,19}")
_CHARSET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+-]{0,63}")
_CONTENT: Final = UUID("5f0f6d4e-3b1c-4d0a-9c55-7be0d3a4c1e2")
"""The name space of keys that are made of content; another one would import again what is there."""
_PIECE: Final = 1024 * 1024
_STALLED: Final = 1800.0


class ImportState(Struct, frozen=True, kw_only=True):
    """How far an import is, for progress bars.

    `rows` counts what was read of a source of rows; of a file it is None. `percent` is the service's own
    count, from 0 to 100, while it is `importing`. `idempotency_key` is known from `sending` on, and `job_id`
    while it is `importing`.
    """

    survey_id: str
    phase: Literal["reading", "sending", "importing"]
    rows: int | None = None
    percent: float = 0.0
    idempotency_key: str | None = None
    job_id: str | None = None


class ImportedResponses(Struct, frozen=True, kw_only=True):
    """An import that went well.

    `rows` is known where the source was rows. `progress` is the service's last answer. Where there were no
    rows at all nothing was sent: `rows` is 0, and `job_id`, `idempotency_key` and `progress` are None.
    `once` says that the key was derived from the content: the same again is imported only once.
    `unknown_columns` are those that the survey does not have, which become new embedded data (assumed); None
    where they were not compared.
    """

    survey_id: str
    job_id: str | None
    idempotency_key: str | None
    rows: int | None
    progress: JobProgress | None
    once: bool = False
    unknown_columns: tuple[str, ...] | None = None


async def import_responses(
    client: Qualtrics,
    survey_id: str,
    source: ImportSource,
    *,
    format: ImportFormat | None = None,  # noqa: A002  (the wire's name)
    charset: str = "UTF-8",
    header: ImportHeader | None = None,
    once: bool = False,
    idempotency_key: str | None = None,
    contact_resolution: str | None = None,
    check: bool = True,
    stall_timeout: float = _STALLED,
    on_progress: Callable[[ImportState], object] | None = None,
) -> ImportedResponses:
    """Import responses into a survey, and wait until the service has taken them.

    ```python
    await import_responses(client, "SV_1", "responses.csv", once=True)
    await import_responses(client, "SV_1", [{"Q1": 2, "campaign": "spring"}])
    async with exports.records(client, "SV_1") as records:
        await import_responses(client, "SV_2", records)
    ```

    Files, bytes and what is at an address are sent as they are; the service fetches the address itself
    (documented). No source names a limit of size for this call: what goes beyond the 5 MB that bodies have
    in general (documented) is sent, and may be refused, where an address may not.

    **Rows** are mappings, `Response` records, or whatever `bulk` takes as rows: frames of pandas and polars,
    tables of pyarrow, cursors, of any number, in constant memory and on disk. Files of NDJSON and Parquet are
    read as rows as well. What a table of responses looks like is known from exports (observed), that an
    import reads the same is assumed:

    - Keys are export tags, below one header row, or ImportIds, below three, the third of which has
      `{"ImportId": "QID1"}`. They are ImportIds in records, and where a key begins with `QID` and a number;
      `header` says it otherwise. The columns are all keys in the order in which they come.
    - None, NaN and what is missing leave the cell empty, text stays as it is, formulas too. `startDate`,
      `endDate` and `recordedDate` are written as `2026-05-02 08:00:00` in UTC, other instants in ISO 8601.
    - A list, of a multi-select question, becomes a column for each choice (`QID3_1`) that holds 1.

    **Columns** that the survey does not have become new embedded data (assumed), and nobody sees it in what
    the service answers. So the header is compared with the survey before anything is sent: metadata,
    questions by tag or import id, their choices and texts, and embedded data of the survey's flow fit. An
    import of which no column fits, or some are called by texts of questions, is refused; other columns are
    `unknown_columns` of the result. What is at an address is not compared, nor where the credentials may not
    read the survey.

    **Idempotency.** The service imports one file under one key only once (documented). How long it remembers
    a key is not documented, nor what it answers to the key of an import that failed. The client repeats the
    call by itself under one key. `once=True` derives the key from survey and content: the same file again,
    in another process or after a crash, then makes nothing twice.

    Args:
        client: an open client; its `polling` says how often to ask, and when to give up.
        survey_id: the survey.
        source: what is imported. Text with `://` in it is an address, other text a path; the content of a
            file is bytes.
        format: `csv` or `tsv`; by the suffix (.csv; .tsv and .txt have tabs), and csv where there is none.
            Rows are written in it.
        charset: the encoding of the file; rows are written in UTF-8.
        header: what the keys of rows are: `tags` or `import_ids`; for rows alone.
        once: derive the key from the content, so that the same content is imported once.
        idempotency_key: a key of your own, preferably a UUID; by default a fresh one.
        contact_resolution: the header `Qualtrics-Contact-Resolution`; what it may be is documented nowhere.
        check: compare the header with the survey first; `False` sends whatever it is.
        stall_timeout: seconds without any progress after which the import counts as failed.
        on_progress: called on the event loop with an `ImportState`; what it raises ends the wait.

    Raises:
        UsageError: before anything is sent: for an address that is not https, for what is neither a file nor
            rows, for rows that cannot be written, with their index (from 0), and for columns of another
            survey or another delimiter.
        JobFailed: with `status` `"failed"` as the service says it, or the code of an error inside a 200, and
            the reason as `detail`; `"gone"` for a job that the service does not know any more; `"stalled"`;
            `"timed out"` at the end of the client's polling.
        OSError: for a file that cannot be read.
        QualtricsError: when the start, or a question for the progress, is refused. Like `JobFailed` it has
            the key as a note: whoever repeats the import in doubt does so with that.
    """
    fill("/surveys/{surveyId}", (survey_id,))  # refuses an id that cannot be meant before rows are read
    _check_source(source)
    if header is not None and (header not in get_args(ImportHeader) or not _is_rows(source)):
        raise UsageError(f"header is tags or import_ids, and for rows alone, got {header!r:.40}")
    _check(once, idempotency_key, charset, contact_resolution, stall_timeout)
    tell = _Teller(survey_id, on_progress)
    opened = _opened(source, _format(source, format), charset, header, tell)
    async with opened as content:
        head = None
        if content is not None and content.file is not None and check:
            head = await read_head(content.file, DELIMITERS[content.form], charset)
        if content is None or (head is not None and head.is_all):
            return ImportedResponses(
                survey_id=survey_id, job_id=None, idempotency_key=None, rows=0, progress=None, once=once
            )
        unknown = None if head is None else await unknown_columns(client, survey_id, head)
        key = idempotency_key or str(uuid4())
        if once:
            digest = await content.hashed()
            how = (survey_id, content.form, charset.lower(), contact_resolution or "", digest)
            key = str(uuid5(_CONTENT, "\n".join(how)))
        tell("sending", idempotency_key=key)
        started = await client.response_imports.start(
            survey_id,
            content.file,
            file_url=content.address,
            format=content.form,
            charset=charset,
            contact_resolution=contact_resolution,
            idempotency_key=key,
        )
    tell("importing", job_id=started.progress_id)
    progress = await _ended(client, started.progress_id, stall_timeout, tell, key)
    return ImportedResponses(
        survey_id=survey_id,
        job_id=started.progress_id,
        idempotency_key=key,
        rows=tell.rows,
        progress=progress,
        once=once,
        unknown_columns=unknown,
    )


def _check(
    once: bool, key: str | None, charset: str, contact_resolution: str | None, stall_timeout: float
) -> None:
    if once and key is not None:
        raise UsageError("give either once or idempotency_key: once derives a key from the content")
    if not _CHARSET.fullmatch(charset):
        raise UsageError(f"charset is the name of an encoding, got {charset!r:.40}")
    for name, text in (("idempotency_key", key), ("contact_resolution", contact_resolution)):
        if text is not None:
            header_text(text, name)
    if not stall_timeout > 0:
        raise UsageError(f"stall_timeout is a positive number of seconds, got {stall_timeout}")


class _Teller:
    """Reports how far an import is; `rows` is the last count of them."""

    def __init__(self, survey_id: str, on_progress: Callable[[ImportState], object] | None) -> None:
        self.survey_id = survey_id
        self.rows: int | None = None
        self._last = ImportState(survey_id=survey_id, phase="reading")
        self._on_progress = on_progress

    def read(self, rows: int) -> None:
        """Report how many rows were read."""
        self.rows = rows
        self("reading")

    def __call__(self, phase: Literal["reading", "sending", "importing"], **more: Any) -> None:
        if self._on_progress is not None:
            self._last = replace(self._last, phase=phase, rows=self.rows, **more)
            self._on_progress(self._last)


class _Content:
    """What is sent: an open file or bytes, or the address where the service finds it."""

    def __init__(
        self,
        form: ImportFormat,
        file: BinaryIO | bytes | None = None,
        address: str | None = None,
        digest: str | None = None,
    ) -> None:
        self.form = form
        self.file = file
        self.address = address
        self._digest = digest

    async def hashed(self) -> str:
        """The SHA-256 of the content.

        Raises:
            UsageError: for an address: what is there is not known here.
        """
        if self._digest is None:
            if self.file is None:
                raise UsageError(
                    "what is at an address is not known here: give once the file itself, "
                    "or an idempotency_key of your own"
                )
            self._digest = await to_its_end(anyio.to_thread.run_sync(_digest, self.file))
        return self._digest


def _digest(content: BinaryIO | bytes) -> str:
    hashed = hashlib.sha256()
    if isinstance(content, bytes):
        hashed.update(content)
    else:
        start = content.tell()
        while piece := content.read(_PIECE):
            hashed.update(piece)
        content.seek(start)
    return hashed.hexdigest()


def _format(source: object, given: str | None) -> ImportFormat:
    """Find the format that the service is told."""
    if given is not None:
        if given not in _FORMATS.values():
            raise UsageError(f"format is csv or tsv, got {given!r:.40}")
        return "csv" if given == "csv" else "tsv"
    suffix = _suffix(source)
    if suffix in _FORMATS:
        return _FORMATS[suffix]
    if isinstance(source, str | os.PathLike) and not _is_address(source) and suffix not in _ROWS:
        known = ", ".join([*_FORMATS, *sorted(_ROWS)])
        shown = f"the suffix {suffix!r} does not say" if _SUFFIX.fullmatch(suffix) else "no suffix says"
        raise UsageError(
            f"{shown} what the file is: give format; known are {known}; the content of a file is given as "
            "bytes"
        )
    return "csv"


def _suffix(source: object) -> str:
    """The suffix of what has a name, in small letters."""
    if isinstance(source, str) and _is_address(source):
        source = urlsplit(source).path
    elif not isinstance(source, str | os.PathLike):
        source = getattr(source, "name", None) if hasattr(source, "read") else None
    return PurePath(os.fspath(source)).suffix.lower() if isinstance(source, str | os.PathLike) else ""


def _is_rows(source: object) -> bool:
    if isinstance(source, str | os.PathLike):
        return not _is_address(source) and _suffix(source) in _ROWS
    return not (isinstance(source, bytes) or hasattr(source, "read"))


def _is_address(source: object) -> TypeGuard[str]:
    return isinstance(source, str) and "://" in source


def _check_source(source: object) -> None:
    """Refuse what is nothing that can be imported; nothing of a text is shown, which may be the content."""
    if isinstance(source, str) and ("\n" in source or "\r" in source):
        raise UsageError("a path or an address has one line: give the content of a file as bytes, encoded")
    if _is_address(source):
        _check_address(source)
    taken = isinstance(source, str | bytes | os.PathLike | Iterable | AsyncIterable) or any(
        hasattr(source, sign) for sign in ("read", "schema", "collect", "itertuples", "iter_rows")
    )
    if not taken or isinstance(source, bytearray | memoryview | Mapping):
        raise UsageError(
            "an import takes a path, an https:// address, bytes, an open binary file, or rows (an iterable, "
            f"a frame or a table), got {type(source).__name__}"
        )


def _check_address(text: str) -> None:
    """Refuse an address that the service would not fetch, or that would not stay secret on its way."""
    try:
        scheme, host = urlsplit(text).scheme, urlsplit(text).hostname
    except ValueError:
        scheme, host = "", None
    if scheme == "https" and host and text.isprintable() and " " not in text:
        return
    shown = f" with the scheme {scheme!r}" if _SCHEME.fullmatch(scheme) else " without a scheme"
    raise UsageError(
        f"an address is a whole https:// URL, got one{shown}; the content of a file is given as bytes"
    )


@asynccontextmanager
async def _opened(
    source: Any, form: ImportFormat, charset: str, header: ImportHeader | None, tell: _Teller
) -> AsyncGenerator[_Content | None]:
    """Open what is sent; None for an empty file, and for rows of which there are none.

    Raises:
        UsageError: for what is neither a file nor rows.
    """
    if _is_address(source):
        yield _Content(form, address=source)
    elif _is_rows(source):
        if charset.lower() not in ("utf-8", "utf8"):
            raise UsageError(f"rows are written in UTF-8, charset says {charset!r:.40}")
        rows = read_contacts(source) if isinstance(source, str | os.PathLike) else source
        async with written(rows, form, header, tell.read) as table:
            yield _Content(form, table.content, digest=table.digest) if table.count else None
    elif isinstance(source, bytes):
        yield _Content(form, source) if source else None
    elif isinstance(source, str | os.PathLike):
        opened: list[BinaryIO] = []
        try:
            size = await to_its_end(anyio.to_thread.run_sync(_open, source, opened))
            yield _Content(form, opened[0]) if size else None
        finally:
            for file in opened:
                await to_its_end(anyio.to_thread.run_sync(file.close))
    else:
        size = await to_its_end(anyio.to_thread.run_sync(_measured, source))
        yield _Content(form, source) if size else None


def _open(path: str | os.PathLike[str], opened: list[BinaryIO]) -> int:
    file = open(path, "rb")  # noqa: PTH123, SIM115  (any path-like; closed by the caller)
    opened.append(file)
    return _measured(file)


def _measured(file: BinaryIO) -> int:
    """How many bytes are left in a file.

    Raises:
        UsageError: for what is no binary file that can be rewound.
    """
    if hasattr(file, "encoding"):
        raise UsageError("an import takes a file that is open for bytes, this one is open for text")
    try:
        start = file.tell()
        end = file.seek(0, SEEK_END)
        file.seek(start)
    except (AttributeError, ValueError, OSError):
        raise UsageError(
            "an import takes an open binary file that can be rewound: give a path, or bytes"
        ) from None
    return max(end - start, 0)


async def _ended(
    client: Qualtrics, job_id: str, stall_timeout: float, tell: _Teller, key: str
) -> JobProgress:
    """Wait for the end of an import; what ends it badly has its key as a note."""
    survey_id = tell.survey_id
    watch = Watch(
        client,
        job_id,
        f"the import {job_id} into {survey_id}",
        stall_timeout=stall_timeout,
        again="",
        tell=lambda percent: tell("importing", percent=percent, job_id=job_id),
    )
    try:
        return await watch.wait(lambda: client.response_imports.progress(survey_id, job_id))
    except JobFailed as error:
        error.add_note(
            f"the import has idempotency_key={key!r}; what it took before it ended is not known, and under "
            "another key the service takes all rows again"
        )
        raise
    except QualtricsError as error:
        error.add_note(
            f"the import {job_id} into the survey {survey_id} goes on at the service; whoever repeats it "
            f"should do so with idempotency_key={key!r}"
        )
        raise
