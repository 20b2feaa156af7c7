"""One request of the sandbox to a receiver of events."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import struct
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aiohttp import ClientError, ClientSession, DummyCookieJar, TCPConnector

if TYPE_CHECKING:
    from qualtrics_async.sandbox.delivery_faults import DeliveryFault
    from qualtrics_async.sandbox.records import DeliveryRecord
    from qualtrics_async.sandbox.settings import Deliveries

__all__ = ["Poster"]

_HEADERS = {
    "Content-Type": "application/x-www-form-urlencoded",
    "User-Agent": "qualtrics-sandbox",
}
_PORTS = {"http": 80, "https": 443}


class Poster:
    """Posts forms and asks URLs, each on a connection of its own; redirects are not followed."""

    def __init__(self, settings: Deliveries) -> None:
        self._settings = settings
        self._session: ClientSession | None = None

    def reaches(self, url: str) -> bool:
        """Whether it may connect there: to this machine, or anywhere if it was told so."""
        if self._settings.anywhere:
            return True
        with suppress(ValueError):
            host = urlsplit(url).hostname or ""
            return host == "localhost" or ipaddress.ip_address(host).is_loopback
        return False

    async def send(self, record: DeliveryRecord, fault: DeliveryFault | None = None) -> None:
        """Make one attempt, and note in its record what became of it."""
        try:
            async with asyncio.timeout(self._settings.timeout):
                if fault is not None and fault.when == "before":
                    await self._cut(record, fault)
                    record.error = "cut"
                else:
                    status = await self._ask(record)
                    record.status, record.error = (status, None) if fault is None else (0, "cut")
        except TimeoutError:
            record.error = f"no answer within {self._settings.timeout:g} s"
        except (ClientError, OSError, ValueError) as error:
            record.error = f"{type(error).__name__}: {error}"
        except asyncio.CancelledError:
            record.error = "the sandbox was closed"
            raise

    async def close(self) -> None:
        """End its connections."""
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()

    async def _ask(self, record: DeliveryRecord) -> int:
        if self._session is None:
            # One connection an attempt: one that is kept would fail now and then when a receiver restarts.
            connector = TCPConnector(limit=0, force_close=True, ssl=self._settings.ssl or True)
            self._session = ClientSession(connector=connector, cookie_jar=DummyCookieJar())
        data = record.body if record.method == "POST" else None
        headers = _HEADERS if record.method == "POST" else {"User-Agent": _HEADERS["User-Agent"]}
        async with self._session.request(
            record.method, record.url, data=data, headers=headers, allow_redirects=False
        ) as response:
            await response.read()
            return response.status

    async def _cut(self, record: DeliveryRecord, fault: DeliveryFault) -> None:
        """Post a part of the form and close the connection."""
        parts = urlsplit(record.url)
        secure = (self._settings.ssl or True) if parts.scheme == "https" else None
        port = parts.port or _PORTS[parts.scheme]
        _, writer = await asyncio.open_connection(parts.hostname, port, ssl=secure)
        path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        host = parts.netloc.rpartition("@")[2]
        headers = _HEADERS | {"Host": host, "Content-Length": str(len(record.body))}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        until = len(record.body) // 2 if fault.at is None else fault.at
        try:
            writer.write(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + record.body[:until])
            await writer.drain()
            if fault.reset:
                link = writer.get_extra_info("socket")
                link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
