"""The audit log: who did what, and exports of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Final

from qualtrics_async._core.downloads import Download
from qualtrics_async._core.paging import NEXT_PAGE, Page, Paged, Scheme
from qualtrics_async._core.request import GET, POST, Request, instant
from qualtrics_async.models.audits import (
    AuditEvent,
    AuditEventType,
    AuditEventTypesPage,
    AuditExportOptions,
    AuditExportProgress,
)
from qualtrics_async.models.common import AnyCreated, Created
from qualtrics_async.resources._base import Resource, dated, named, optional
from qualtrics_async.resources._exports import ExportJobs

__all__ = ["AuditExports", "Audits"]


def _event_types(page: AuditEventTypesPage) -> Page[AuditEventType]:
    return Page(page.elements or page.events or [], page.next_page)


def _by_address_or_token(request: Request[object], cursor: str) -> Request[object]:
    return request.at(cursor) if "://" in cursor else request.with_query("skipToken", cursor)


EVENTS: Final = Scheme(unpack=NEXT_PAGE.unpack, follow=_by_address_or_token)
"""`nextPage` is the address of the next page (one client), or the token for it (another)."""

EVENT_TYPES: Final = Scheme(unpack=_event_types, follow=NEXT_PAGE.follow)
"""Kinds of events stand under `elements` (one client) or `events` (documented)."""


class Audits(Resource):
    """The audit log: who did what, and exports of it.

    There are two: the log, which is listed by activity type, and the newer audit, which is exported by the
    name of an event. The newer one does not exist in the data centre of the US government (documented).
    """

    __slots__ = ()

    @property
    def exports(self) -> AuditExports:
        """Exports of the newer audit, as jobs."""
        return AuditExports(self._executor)

    def activity_types(self) -> Paged[AuditEventType]:
        """Every kind of activity in the log (used by clients)."""
        return self._paged(GET("/logs/activitytypes"), AuditEventType)

    def list(
        self,
        *,
        activity_type: str,
        organization_id: str | None = None,
        user_id: str | None = None,
        directory_id: str | None = None,
        group_id: str | None = None,
        contact_id: str | None = None,
        start_date: datetime | str | None = None,
        end_date: datetime | str | None = None,
        order: str | None = None,
        page_size: int | None = None,
    ) -> Paged[AuditEvent]:
        """Every entry of the log for one activity, from `start_date` to before `end_date` (documented).

        Without the one date it is 7 days from the other (documented). `order` is `asc` or `dsc`; which ids
        narrow it down depends on the activity (documented).
        """
        query = {
            "activityType": named(activity_type, "activity_type"),
            "organizationId": optional(named, organization_id, "organization_id"),
            "userId": optional(named, user_id, "user_id"),
            "directoryId": optional(named, directory_id, "directory_id"),
            "groupId": optional(named, group_id, "group_id"),
            "contactId": optional(named, contact_id, "contact_id"),
            "startDate": optional(instant, start_date, "start_date"),
            "endDate": optional(instant, end_date, "end_date"),
            "order": order,
            "pageSize": page_size,
        }
        return self._paged(GET("/logs"), AuditEvent, query=query, scheme=EVENTS)

    def event_types(self) -> Paged[AuditEventType]:
        """Every event that the newer audit has; an export takes its name."""
        return self._paged(GET("/audit-events"), AuditEventType, scheme=EVENT_TYPES, page=AuditEventTypesPage)


class AuditExports(ExportJobs):
    """Exports of the newer audit, as jobs."""

    __slots__ = ()

    async def start(self, options: AuditExportOptions) -> Created:
        """Start an export; it is never sent twice by itself.

        Raises:
            UsageError: for dates that name no instant.
        """
        return await self._send(
            POST("/audit-exports"), AnyCreated, body=dated(options, "start_date", "end_date")
        )

    async def progress(self, export_id: str) -> AuditExportProgress:
        """How far an export is."""
        return await self._send(GET("/audit-exports/{exportId}", export_id), AuditExportProgress)

    def file(self, export_id: str, file_id: str) -> AbstractAsyncContextManager[Download]:
        """The file of an export: one JSON object a line (used by a client)."""
        return self._download(GET("/audit-exports/{exportId}/files/{fileId}", export_id, file_id))

    @asynccontextmanager
    async def run(self, options: AuditExportOptions) -> AsyncGenerator[Download]:
        """Start an export, wait for its end and open its file.

        Raises:
            JobFailed: when it failed, or ended without a file.
            UsageError: for dates that name no instant.
        """
        job_id = (await self.start(options)).id
        file_id = await self._exported(job_id, partial(self.progress, job_id))
        async with self.file(job_id, file_id) as file:
            yield file
