"""Directories, to list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qualtrics_async.sandbox.routing import Routes
from qualtrics_async.sandbox.wire import Refused

if TYPE_CHECKING:
    from qualtrics_async.sandbox.records import Directory
    from qualtrics_async.sandbox.wire import Body, Call

__all__ = ["find_directory", "routes"]

routes = Routes()

_CRITERIA = ("email", "firstName", "lastName", "externalDataReference", "phone")


@routes("GET", "/directories", "observed")
def list_directories(call: Call) -> Body:
    """Observed; that the count is there only with `includeCount` is assumed."""
    counted = call.flag("includeCount")
    return call.page(list(call.state.directories.values()), lambda listed: _element(listed, counted=counted))


def find_directory(call: Call) -> Directory:
    """The directory in the path; the refusal is assumed."""
    directory = call.state.directories.get(call.ids[0])
    if directory is None:
        raise Refused(404, "PLACEHOLDER_404", "No such directory.")
    return directory


def _element(directory: Directory, *, counted: bool) -> Body:
    return {
        "directoryId": directory.id,
        "name": directory.name,
        **({"contactCount": directory.contact_count} if counted else {}),
        "isDefault": directory.is_default,
        "deduplicationCriteria": {name: name in directory.deduplicate for name in _CRITERIA},
    }
