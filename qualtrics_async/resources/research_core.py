"""Retired: contacts and mailing lists before XM Directory."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from qualtrics_async._core.paging import Paged
from qualtrics_async._core.request import DELETE, GET, POST, PUT
from qualtrics_async.models._base import JsonObject
from qualtrics_async.models.common import Created, JobProgress
from qualtrics_async.models.research_core import (
    ResearchCoreContact,
    ResearchCoreContactFields,
    ResearchCoreMailingList,
    ResearchCoreSample,
)
from qualtrics_async.resources._base import Resource, given, named, retired

__all__ = [
    "ResearchCore",
    "ResearchCoreContactImports",
    "ResearchCoreContacts",
    "ResearchCoreMailingLists",
    "ResearchCoreSamples",
]


class ResearchCore(Resource):
    """Retired on 2026-06-30: contacts and mailing lists before XM Directory. Every call warns.

    Lists belong to libraries (`ML_...`) and contacts to lists (`MLRP_...`); there are no directories.
    """

    __slots__ = ()

    @property
    def mailing_lists(self) -> ResearchCoreMailingLists:
        """Retired: `client.mailing_lists` replaces it."""
        return ResearchCoreMailingLists(self._executor)

    @property
    def contacts(self) -> ResearchCoreContacts:
        """Retired: `client.mailing_list_contacts` replaces it."""
        return ResearchCoreContacts(self._executor)

    @property
    def contact_imports(self) -> ResearchCoreContactImports:
        """Retired: `client.contact_imports` replaces it."""
        return ResearchCoreContactImports(self._executor)

    @property
    def samples(self) -> ResearchCoreSamples:
        """Retired: `client.samples` replaces it."""
        return ResearchCoreSamples(self._executor)


class ResearchCoreMailingLists(Resource):
    """Retired: mailing lists of libraries."""

    __slots__ = ()

    def list(self) -> Paged[ResearchCoreMailingList]:
        """Retired, use `mailing_lists.list`: every mailing list that the credentials can see."""
        retired("research_core.mailing_lists.list", "mailing_lists.list")
        return self._paged(GET("/mailinglists"), ResearchCoreMailingList)

    async def create(self, *, library_id: str, name: str, category: str | None = None) -> Created:
        """Retired, use `mailing_lists.create`: create a mailing list in a library (used by clients)."""
        retired("research_core.mailing_lists.create", "mailing_lists.create")
        body = {
            "libraryId": named(library_id, "library_id"),
            "name": named(name, "name"),
            "category": category,
        }
        return await self._send(POST("/mailinglists"), Created, body=given(body))

    async def get(self, mailing_list_id: str) -> ResearchCoreMailingList:
        """Retired, use `mailing_lists.get`: one mailing list; assumed to be as in the listing."""
        retired("research_core.mailing_lists.get", "mailing_lists.get")
        return await self._send(
            GET("/mailinglists/{mailingListId}", mailing_list_id), ResearchCoreMailingList
        )

    async def update(
        self,
        mailing_list_id: str,
        *,
        library_id: str | None = None,
        name: str | None = None,
        category: str | None = None,
    ) -> None:
        """Retired, use `mailing_lists.update`: change a mailing list, or move it to another library."""
        retired("research_core.mailing_lists.update", "mailing_lists.update")
        body = given({"libraryId": library_id, "name": name, "category": category})
        return await self._send(PUT("/mailinglists/{mailingListId}", mailing_list_id), None, body=body)

    async def delete(self, mailing_list_id: str) -> None:
        """Retired, use `mailing_lists.delete`: delete a mailing list, and with it its contacts (assumed)."""
        retired("research_core.mailing_lists.delete", "mailing_lists.delete")
        return await self._send(DELETE("/mailinglists/{mailingListId}", mailing_list_id), None)


class ResearchCoreContacts(Resource):
    """Retired: contacts of a mailing list."""

    __slots__ = ()

    def list(self, mailing_list_id: str) -> Paged[ResearchCoreContact]:
        """Retired, use `mailing_list_contacts.list`: every contact of a mailing list."""
        retired("research_core.contacts.list", "mailing_list_contacts.list")
        return self._paged(
            GET("/mailinglists/{mailingListId}/contacts", mailing_list_id), ResearchCoreContact
        )

    async def create(self, mailing_list_id: str, contact: ResearchCoreContactFields) -> Created:
        """Retired, use `mailing_list_contacts.create`: create a contact; it is never sent twice by itself."""
        retired("research_core.contacts.create", "mailing_list_contacts.create")
        route = POST("/mailinglists/{mailingListId}/contacts", mailing_list_id)
        return await self._send(route, Created, body=contact)

    async def get(self, mailing_list_id: str, contact_id: str) -> ResearchCoreContact:
        """Retired, use `mailing_list_contacts.get`: one contact with its histories."""
        retired("research_core.contacts.get", "mailing_list_contacts.get")
        route = GET("/mailinglists/{mailingListId}/contacts/{contactId}", mailing_list_id, contact_id)
        return await self._send(route, ResearchCoreContact)

    async def update(self, mailing_list_id: str, contact_id: str, contact: ResearchCoreContactFields) -> None:
        """Retired, use `mailing_list_contacts.update`: change the fields of a contact that are set."""
        retired("research_core.contacts.update", "mailing_list_contacts.update")
        route = PUT("/mailinglists/{mailingListId}/contacts/{contactId}", mailing_list_id, contact_id)
        return await self._send(route, None, body=contact)

    async def delete(self, mailing_list_id: str, contact_id: str) -> None:
        """Retired, use `mailing_list_contacts.delete`: delete a contact."""
        retired("research_core.contacts.delete", "mailing_list_contacts.delete")
        route = DELETE("/mailinglists/{mailingListId}/contacts/{contactId}", mailing_list_id, contact_id)
        return await self._send(route, None)


class ResearchCoreContactImports(Resource):
    """Retired: jobs that import contacts into a mailing list."""

    __slots__ = ()

    async def start(
        self,
        mailing_list_id: str,
        contacts: Sequence[ResearchCoreContactFields],
    ) -> Created:
        """Retired, use `contact_imports.start`: start an import; it is never sent twice by itself.

        Sent as JSON, as one client does; another uploaded a file.
        """
        retired("research_core.contact_imports.start", "contact_imports.start")
        return await self._start(mailing_list_id, contacts)

    async def progress(self, mailing_list_id: str, contact_import_id: str) -> JobProgress:
        """Retired, use `contact_imports.progress`: how far an import is, in percent alone (observed)."""
        retired("research_core.contact_imports.progress", "contact_imports.progress")
        return await self._progress(mailing_list_id, contact_import_id)

    async def summary(self, mailing_list_id: str, contact_import_id: str) -> dict[str, Any]:
        """Retired, use `contact_imports.progress`: what an import did, as plain JSON (assumed)."""
        retired("research_core.contact_imports.summary", "contact_imports.progress")
        route = GET(
            "/mailinglists/{mailingListId}/contactimports/{contactImportId}/summary",
            mailing_list_id,
            contact_import_id,
        )
        return await self._send(route, JsonObject)

    async def run(
        self,
        mailing_list_id: str,
        contacts: Sequence[ResearchCoreContactFields],
    ) -> JobProgress:
        """Retired, use `contact_imports.run`: start an import and wait for its end.

        Raises:
            JobFailed: when it failed as a whole.
        """
        retired("research_core.contact_imports.run", "contact_imports.run")
        started = await self._start(mailing_list_id, contacts)
        return await self._wait(started.id, partial(self._progress, mailing_list_id, started.id))

    async def _start(
        self,
        mailing_list_id: str,
        contacts: Sequence[ResearchCoreContactFields],
    ) -> Created:
        route = POST("/mailinglists/{mailingListId}/contactimports", mailing_list_id)
        return await self._send(route, Created, body={"contacts": contacts})

    async def _progress(self, mailing_list_id: str, contact_import_id: str) -> JobProgress:
        route = GET(
            "/mailinglists/{mailingListId}/contactimports/{contactImportId}",
            mailing_list_id,
            contact_import_id,
        )
        return await self._send(route, JobProgress)


class ResearchCoreSamples(Resource):
    """Retired: samples of a mailing list."""

    __slots__ = ()

    def list(self, mailing_list_id: str) -> Paged[ResearchCoreSample]:
        """Retired, use `samples.list`: every sample of a mailing list, by id and name."""
        retired("research_core.samples.list", "samples.list")
        return self._paged(GET("/mailinglists/{mailingListId}/samples", mailing_list_id), ResearchCoreSample)

    def get(self, mailing_list_id: str, sample_id: str) -> Paged[ResearchCoreContact]:
        """Retired, use `samples.contacts`: the contacts of a sample, in pages (used by a client)."""
        retired("research_core.samples.get", "samples.contacts")
        route = GET("/mailinglists/{mailingListId}/samples/{sampleId}", mailing_list_id, sample_id)
        return self._paged(route, ResearchCoreContact)
