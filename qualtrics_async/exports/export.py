"""One export: started, waited for, downloaded, checked, and open to be read."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio.to_thread
from msgspec import Struct

from qualtrics_async._core.tasks import to_its_end
from qualtrics_async.client import Qualtrics
from qualtrics_async.errors import DecodeError
from qualtrics_async.exports.archive import Archive, Member, MemberStream
from qualtrics_async.exports.job import exported
from qualtrics_async.exports.options import ExportFormat, ExportState, Plan
from qualtrics_async.exports.spool import Spool, spooled

__all__ = ["Export", "ExportInfo", "open_export"]


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
    """An archive on disk, and how far it has been read."""

    def __init__(self, info: ExportInfo, archive: Archive, spool: Spool, plan: Plan) -> None:
        self.info = info
        self.spool = spool
        self._archive = archive
        self._plan = plan

    def stream(self) -> MemberStream:
        """Open the members as one stream, from their beginning; it is read on a thread, one at a time.

        Raises:
            DecodeError: for several members of a format that cannot be put together.
        """
        return self._archive.stream()

    def tell(self, done: int) -> None:
        """Report that so many bytes of what it expands to have been read."""
        info = self.info
        state = ExportState(
            survey_id=info.survey_id, phase="reading", percent=100.0, done=done, total=info.size
        )
        self._plan.tell(state)


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
        archive = await _whole(client, spool, plan)
        try:
            info = ExportInfo(
                survey_id=survey_id,
                job_id=job_id,
                file_id=file_id,
                format=plan.form,
                continuation_token=token,
                members=archive.members,
                size=archive.size,
                packed=spool.size,
            )
            yield Export(info, archive, spool, plan)
        finally:
            await to_its_end(anyio.to_thread.run_sync(archive.close))


async def _whole(client: Qualtrics, spool: Spool, plan: Plan) -> Archive:
    left = client.retry.retries
    while True:
        await spool.fill()
        opened: list[Archive] = []
        try:
            await to_its_end(anyio.to_thread.run_sync(_open, opened, spool, plan))
        except DecodeError as error:
            left -= 1
            if not error.transient or left < 0:
                raise
        except BaseException:
            for archive in opened:
                archive.close()
            raise
        else:
            return opened[0]


def _open(opened: list[Archive], spool: Spool, plan: Plan) -> None:
    opened.append(Archive(spool.file, plan.form, plan.expansion))
