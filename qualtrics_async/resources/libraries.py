"""Libraries: messages, graphics, surveys, questions, blocks."""

from __future__ import annotations

from typing import Any, Final

from qualtrics_async._core.paging import Paged
from qualtrics_async._core.request import DELETE, GET, POST, PUT
from qualtrics_async._core.uploads import FilePart, Source, Upload, filename_of
from qualtrics_async.errors import UsageError
from qualtrics_async.models._base import JsonObject
from qualtrics_async.models.common import Created
from qualtrics_async.models.libraries import (
    Library,
    LibraryMessage,
    LibraryMessageCreate,
    LibraryMessageSummary,
    LibraryMessageUpdate,
)
from qualtrics_async.resources._base import Resource, exactly_one, named

__all__ = ["Libraries", "LibraryGraphics", "LibraryMessages"]

_GRAPHICS: Final = {"gif": "image/gif", "jpeg": "image/jpeg", "jpg": "image/jpeg", "png": "image/png"}


class Libraries(Resource):
    """What surveys and distributions share: a library belongs to a user or to a group."""

    __slots__ = ()

    @property
    def messages(self) -> LibraryMessages:
        """Messages of a library."""
        return LibraryMessages(self._executor)

    @property
    def graphics(self) -> LibraryGraphics:
        """Graphics of a library."""
        return LibraryGraphics(self._executor)

    def list(self) -> Paged[Library]:
        """Every library that the credentials can see."""
        return self._paged(GET("/libraries"), Library)

    def surveys(self, library_id: str) -> Paged[dict[str, Any]]:
        """The surveys of a library; one client reads an element as names by id, by category."""
        return self._paged(GET("/libraries/{libraryId}/survey/surveys", library_id), JsonObject)

    def questions(self, library_id: str) -> Paged[dict[str, Any]]:
        """The questions of a library (assumed: elements like those of `surveys()`; no source shows one)."""
        return self._paged(GET("/libraries/{libraryId}/survey/questions", library_id), JsonObject)

    def blocks(self, library_id: str) -> Paged[dict[str, Any]]:
        """The blocks of a library; one client reads an element as names by id, by category."""
        return self._paged(GET("/libraries/{libraryId}/survey/blocks", library_id), JsonObject)


class LibraryMessages(Resource):
    """Texts in several languages, which distributions and surveys refer to."""

    __slots__ = ()

    def list(self, library_id: str, *, category: str | None = None) -> Paged[LibraryMessageSummary]:
        """Every message of a library, or those of one category; their texts come from `get()`."""
        route = GET("/libraries/{libraryId}/messages", library_id)
        return self._paged(route, LibraryMessageSummary, query={"category": category})

    async def create(self, library_id: str, message: LibraryMessageCreate) -> Created:
        """Create a message; its id is what a distribution's `message_id` takes."""
        return await self._send(POST("/libraries/{libraryId}/messages", library_id), Created, body=message)

    async def get(self, library_id: str, message_id: str) -> LibraryMessage:
        """One message with its texts."""
        route = GET("/libraries/{libraryId}/messages/{messageId}", library_id, message_id)
        return await self._send(route, LibraryMessage)

    async def update(self, library_id: str, message_id: str, message: LibraryMessageUpdate) -> None:
        """Change what is set of a message; that texts are replaced as a whole is assumed."""
        route = PUT("/libraries/{libraryId}/messages/{messageId}", library_id, message_id)
        return await self._send(route, None, body=message)

    async def delete(self, library_id: str, message_id: str) -> None:
        """Delete a message."""
        route = DELETE("/libraries/{libraryId}/messages/{messageId}", library_id, message_id)
        return await self._send(route, None)


class LibraryGraphics(Resource):
    """Images. Whoever knows the address of one can see it (documented), so upload nothing confidential."""

    __slots__ = ()

    async def upload(
        self,
        library_id: str,
        file: Source | None = None,
        *,
        file_url: str | None = None,
        content_type: str | None = None,
        name: str | None = None,
        folder: str | None = None,
    ) -> Created:
        """Upload a graphic: a `file` as it is read, or a `file_url` for the service to fetch.

        `content_type` is `image/jpeg`, `image/gif` or `image/png` (documented); without one, the ending of
        the name decides. `name` is by default that of the file. Uploads have at most 5 MB (documented).

        Raises:
            UsageError: unless exactly one of `file` and `file_url` is given; for a graphic without a type.
        """
        exactly_one(file=file, file_url=file_url)
        fields: dict[str, FilePart | str | bytes] = {} if folder is None else {"folder": folder}
        if file is not None:
            filename = filename_of(file, name, parameter="name")
            fields["file"] = FilePart(file, filename, content_type or _type_of(filename))
        else:
            url = named(file_url, "file_url")
            fields |= {"fileUrl": url, "contentType": content_type or _type_of(url)}
            fields |= {} if name is None else {"name": name}
        route = POST("/libraries/{libraryId}/graphics", library_id)
        return await self._send(route, Created, body=Upload.form(fields))

    async def delete(self, library_id: str, graphic_id: str) -> None:
        """Delete a graphic."""
        route = DELETE("/libraries/{libraryId}/graphics/{graphicId}", library_id, graphic_id)
        return await self._send(route, None)


def _type_of(name: str) -> str:
    found = _GRAPHICS.get(name.rpartition(".")[2].lower())
    if found is None:
        raise UsageError(f"no graphic is known by its ending: {name!r:.60}; give a content_type")
    return found
