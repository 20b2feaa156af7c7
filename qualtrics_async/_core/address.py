"""Where a request goes: below the API root, or where a cursor says, if the credential may go there."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import urlsplit

from qualtrics_async._core.codec import encode_query_string
from qualtrics_async._core.request import Request
from qualtrics_async.errors import CursorRefused

__all__ = ["Addresses", "Elsewhere"]

_TRUSTED: Final = re.compile(r"(?:[a-z0-9-]+\.)+qualtrics\.com")
_HERE: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_VISIBLE: Final = re.compile(r"[\x21-\x7e]+")


class Addresses:
    """The URLs of one API root. The credential goes to its origin, or over https under qualtrics.com."""

    named = "the next page"
    """What an address that the service names is of."""

    def __init__(self, root: str) -> None:
        parts = urlsplit(root)
        self._root = root
        self.origin = f"{parts.scheme}://{parts.netloc}"

    def of(self, request: Request[Any]) -> str:
        """Build the URL of a request, or check the one that a cursor names.

        Raises:
            CursorRefused: for a next page on a host without trust.
        """
        url = request.url
        if url is None:
            route = request.route
            url = (self._root if route.base is None else self.origin + route.base) + route.path
            return f"{url}?{encode_query_string(request.query)}" if request.query else url
        if not _VISIBLE.fullmatch(url) or not self.trusts(url):
            raise CursorRefused(
                f"{request.route.key}: {self.named} leads to a host without trust: {_host_of(url)}"
            )
        return url

    def trusts(self, url: str) -> bool:
        """Whether the credential may be sent there."""
        if url.startswith(self.origin + "/"):
            return True
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            return False
        return (
            parts.scheme == "https"
            and _TRUSTED.fullmatch(parts.hostname or "") is not None
            and port in {None, 443}
            and parts.username is None
            and parts.password is None
        )


class Elsewhere(Addresses):
    """The URLs of files that the service names, which get no credential: any host, over https.

    A client that speaks plain HTTP to this machine, as to a sandbox, may read files from it as well.
    """

    named = "the file"

    def trusts(self, url: str) -> bool:
        """Whether a file may be read from there."""
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname or "", parts.port
        except ValueError:
            return False
        if parts.username is not None or parts.password is not None or not host:
            return False
        own = urlsplit(self.origin)
        here = own.scheme == "http" and own.hostname in _HERE
        return parts.scheme == "https" or (parts.scheme == "http" and here and host in _HERE)


def _host_of(url: str) -> str:
    try:
        return f"{urlsplit(url).hostname or 'no host'!s:.80}"
    except ValueError:
        return "no URL"
