"""Automations and the files that they take (the automations file service)."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from qualtrics_async._core.downloads import Download
from qualtrics_async._core.paging import Paged
from qualtrics_async._core.request import DELETE, GET, POST
from qualtrics_async._core.uploads import FilePart, Source, Upload, filename_of
from qualtrics_async.models._base import JsonObject
from qualtrics_async.models.automations import AnyAutomationFileCreated, AutomationFileCreated
from qualtrics_async.resources._base import Resource

__all__ = ["AutomationFiles", "Automations"]

_BASE: Final = "/automations-file-service"


class Automations(Resource):
    """Automations and the files that they take; they live beside the API, below another path."""

    __slots__ = ()

    @property
    def files(self) -> AutomationFiles:
        """Files of an automation."""
        return AutomationFiles(self._executor)

    def list(self) -> Paged[dict[str, Any]]:
        """Every automation (documented); what an element holds is assumed: no source shows it."""
        return self._paged(GET("/automations", base=_BASE), JsonObject)


class AutomationFiles(Resource):
    """Files for an automation, which processes new ones when it runs; they are kept for 60 days (documented).

    One file of a name can be there in each state: new, in processing, archived (documented).
    """

    __slots__ = ()

    def list(self, automation_id: str, *, tag: str | None = None) -> Paged[dict[str, Any]]:
        """The new files of an automation, or with a tag those in `processing` or `archived` (documented).

        What an element holds is assumed: no source shows it.
        """
        route = GET("/automations/{automationId}/files", automation_id, base=_BASE)
        return self._paged(route, JsonObject, query={"tag": tag})

    async def create(
        self,
        automation_id: str,
        file: Source,
        *,
        filename: str | None = None,
        content_type: str = "application/octet-stream",
    ) -> AutomationFileCreated:
        """Upload a file as it is read; a new file of the same name is overwritten, and `.warning` says so.

        `filename` is by default that of the file.

        Raises:
            UsageError: for a file without a name.
        """
        route = POST("/automations/{automationId}/files", automation_id, base=_BASE)
        form = Upload.form({"file": FilePart(file, filename_of(file, filename), content_type)})
        return await self._send(route, AnyAutomationFileCreated, body=form, whole=True)

    async def get(self, automation_id: str, file_id: str) -> dict[str, Any]:
        """What is known of a file, its processing included (documented); the keys are assumed."""
        route = GET("/automations/{automationId}/files/{fileId}", automation_id, file_id, base=_BASE)
        return await self._send(route, JsonObject)

    async def delete(self, automation_id: str, file_id: str) -> None:
        """Delete a file."""
        route = DELETE("/automations/{automationId}/files/{fileId}", automation_id, file_id, base=_BASE)
        return await self._send(route, None)

    def content(self, automation_id: str, file_id: str) -> AbstractAsyncContextManager[Download]:
        """The bytes of a file (`text/plain`, documented)."""
        route = GET("/automations/{automationId}/files/{fileId}/content", automation_id, file_id, base=_BASE)
        return self._download(route)
