"""One export: started, waited for, downloaded, checked, and open to be read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from typing import Any, BinaryIO, Final

import msgspec
from msgspec import Struct

from qualtrics_async._core.codec import Envelope
from qualtrics_async._core.events import scrub
from qualtrics_async._core.retry import RetryPolicy
from qualtrics_async._core.tasks import on_thread
from qualtrics_async.client import Qualtrics
from qualtrics_async.errors import DecodeError, UsageError
from qualtrics_async.exports.archive import Archive, Member, MemberStream
from qualtrics_async.exports.job import exported
from qualtrics_async.exports.options import ExportFormat, ExportState, Plan
from qualtrics_async.exports.spool import Spool, spooled

__all__ = ["Export", "ExportInfo", "open_export"]

_CHECKED: Final = 2 * 1024**2
"""Bytes that are read before anything is handed out: a small export is checked as a whole."""

_LONGEST_ANSWER: Final = 64 * 1024
"""Bytes of an error that came in place of a file."""


class ExportInfo(Struct, frozen=True, kw_only=True):
    """What is known of an export before the first of its bytes is read.

    `members` are the files in its archive, whose names come from the survey's title; `size` is what they
    expand to and `packed` the archive, in bytes. `continuation_token` is there if `allow_continuation` asked
    for it; it lives 7 days (documented).
    """

    survey_id: str
    job_id: str
    file_id: str
    format: ExportFormat
    continuation_token: str | None
    members: tuple[Member, ...]
    size: int
    packed: int


class Export:
    """An export that is on disk; `info` tells what there is.

    Who reads it and finds it broken asks for it `again()`.
    """

    info: ExportInfo

    def __init__(self, spool: Spool, plan: Plan, retry: RetryPolicy, token: str | None, job_id: str) -> None:
        self.spool = spool
        self._plan = plan
        self._retry = retry
        self._repeats = 0
        self._token = token
        self._job_id = job_id
        self._archive: Archive | None = None

    def __repr__(self) -> str:
        return f"<Export of {self.spool.survey_id} as {self._plan.form}>"

    @property
    def archive(self) -> Archive:
        """What was downloaded; another one after `again()`."""
        if self._archive is None:
            raise UsageError("this export has no file any more: ask for it anew")
        return self._archive

    def stream(self) -> MemberStream:
        """Open the members as one stream, from their beginning; it is read on a thread, one at a time.

        Raises:
            DecodeError: for several members of a format that cannot be put together.
        """
        return self.archive.stream()

    async def again(self, failure: DecodeError) -> None:
        """Download the file again, because reading it has ended with `failure`.

        This is the one place that does so: the service makes an export only once, and what came may have been
        broken on the way. Whatever was read is void, and streams that are open are to be closed before;
        `info` and `stream()` are those of the new file then, which is an archive at least.

        All downloads of an export together are as many as the client's `retry` allows. Each of them resumes
        by itself what breaks off.

        Raises:
            DecodeError: `failure` itself, where another download would be the same (it is not `transient`),
                or when there were enough of them; or that of the new file.
            TransportError, QualtricsError, OSError: as `Spool.fill()` does.
        """
        while failure.transient and self._repeats < self._retry.retries:
            self._repeats += 1
            await asyncio.sleep(self._retry.longest_wait(self._repeats))
            try:
                await self.load()
            except DecodeError as error:
                failure = error
            else:
                return
        raise failure

    async def load(self) -> None:
        """Download the file and open it, once.

        Raises:
            DecodeError: when it is no archive (`transient`), or one that expands too far.
            TransportError, QualtricsError, OSError: as `Spool.fill()` does.
        """
        await self.close()
        await self.spool.fill()
        await on_thread(self._open)

    async def close(self) -> None:
        """Let go of the archive; the file stays open."""
        if self._archive is not None:
            await on_thread(self._archive.close)
            self._archive = None

    def tell(self, done: int) -> None:
        """Report that so many bytes of what it expands to have been read."""
        info = self.info
        state = ExportState(
            survey_id=info.survey_id, phase="reading", percent=100.0, done=done, total=info.size
        )
        self._plan.tell(state)

    def _open(self) -> None:
        spool, plan = self.spool, self._plan
        try:
            self._archive = archive = Archive(spool.file, plan.form, plan.expansion)
        except DecodeError as error:
            raise _explained(error, spool.file) from error.__cause__
        _check_beginning(archive)
        self.info = ExportInfo(
            survey_id=spool.survey_id,
            job_id=self._job_id,
            file_id=spool.file_id,
            format=plan.form,
            continuation_token=self._token,
            members=archive.members,
            size=archive.size,
            packed=spool.size,
        )


def _check_beginning(archive: Archive) -> None:
    """Read the first bytes, so that what is broken there is downloaded again before anybody has seen it."""
    with closing(archive.parts()) as members:
        while members.done < _CHECKED and members.take():
            pass


def _explained(error: DecodeError, file: BinaryIO) -> DecodeError:
    """Say what the service said in place of a file; the error itself where it said nothing."""
    file.seek(0)
    try:
        answer = msgspec.json.decode(file.read(_LONGEST_ANSWER), type=Envelope[Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return error
    if answer.meta is None or answer.meta.error is None:
        return error
    said = answer.meta.error
    told = scrub(f"{said.error_code}: {said.error_message}")[:300]
    request = f" (request {answer.meta.request_id})" if answer.meta.request_id else ""
    failure = DecodeError(f"the service sent an error in place of the file: {told}{request}")
    failure.transient = True
    return failure


@asynccontextmanager
async def open_export(client: Qualtrics, survey_id: str, plan: Plan) -> AsyncGenerator[Export]:
    """Export the responses of a survey to a temporary file, which is gone at the end.

    A download that turns out to be no archive is begun again: nothing has been read of it.

    Raises:
        JobFailed: when the service's job ended badly.
        TransportError: when the file could not be downloaded.
        DecodeError: when it is no archive, or one that expands too far.
        QualtricsError: when something is refused.
    """
    job_id, file_id, token = await exported(client, survey_id, plan)
    async with spooled(client, survey_id, file_id, plan) as spool:
        export = Export(spool, plan, client.retry, token, job_id)
        try:
            try:
                await export.load()
            except DecodeError as error:
                await export.again(error)
            yield export
        finally:
            await export.close()
