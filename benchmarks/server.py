"""Servers with canned answers, each in a process of its own, so cheap that they are not what is measured.

`calls` answers listings of links and new contacts with fixed bytes. `quota` does so too, but counts requests
in sliding windows of 60 s as the service is said to, and refuses with a 429 what is too much. `imports` takes
import jobs, finishes them at once and writes their reports. `links` has mailing lists of any length, and
`exports` has surveys of any number of megabytes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import urllib.request
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple, TypeAlias

from benchmarks.archives import archive

__all__ = ["DIRECTORY", "LINKS_A_PAGE", "Server", "serving"]

LINKS_A_PAGE: Final = 100
REPORT_PAGE: Final = 1000
DIRECTORY: Final = "POOL_1aB2cD3eF4gH5iJ"
WINDOW: Final = 60.0
WAY_THERE: Final = (0.001, 0.02)
WAY_BACK: Final = (0.03, 0.12)

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_LINKS = re.compile(r"/API/v3/distributions/EMD_(\d+)/links\?(?:.*skipToken=(\d+))?")
_META: Final = {"httpStatus": "200 - OK", "requestId": "00000000-0000-4000-8000-000000000056"}
_REFUSAL: Final = {
    "meta": {
        "httpStatus": "429 - Too Many Requests",
        "requestId": "00000000-0000-4000-8000-000000000057",
        "error": {"errorCode": "QTEAPI_1", "errorMessage": "API Rate Limit Exceeded"},
    }
}

Answer: TypeAlias = bytes | tuple[float, bytes]
"""What goes back, at once or after so many seconds."""

Handler: TypeAlias = Callable[[bytes, bytes, bytes], Answer]
"""Method, target and body to the answer."""


class Protocol(asyncio.Protocol):
    """Just enough of HTTP/1.1: requests on one connection, one after the other, with a length or no body."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that is there as a whole."""
        buffer = self._buffer
        buffer += data
        while (end := buffer.find(b"\r\n\r\n")) >= 0:
            head = bytes(buffer[:end])
            method, target, _ = head.split(b" ", 2)
            found = None if method == b"GET" else _LENGTH.search(head)
            stop = end + 4 + (int(found[1]) if found else 0)
            if len(buffer) < stop:
                return
            answer = self._handler(method, target, bytes(buffer[end + 4 : stop]))
            del buffer[:stop]
            if isinstance(answer, bytes):
                self._write(answer)
            else:
                asyncio.get_running_loop().call_later(answer[0], self._write, answer[1])

    def _write(self, answer: bytes) -> None:
        if self._transport is not None:
            self._transport.write(answer)


def _http(status: str, body: dict[str, Any]) -> bytes:
    data = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    return head.encode() + data


def _ok(result: object) -> bytes:
    return _http("200 OK", {"result": result, "meta": _META})


def _link(index: int) -> dict[str, Any]:
    return {
        "contactId": f"CID_2mN3oP4qR5s{index:04}",
        "transactionId": None,
        "link": (
            "https://examplebrand.fra1.qualtrics.com/jfe/form/SV_0aB1cD2eF3gH4iJ"
            f"?Q_CHL=gl&Q_DL=EMD_0kL1mN2oP3qR4sT_0aB1cD2eF3gH4iJ_CGC_5pQ6rS7tU8v{index:04}"
        ),
        "exceededContactFrequency": False,
        "linkExpiration": "2027-07-01T00:00:00Z",
        "status": "Email not sent",
        "lastName": f"Example{index}",
        "firstName": "Zoë" if index % 10 == 0 else "Ada",
        "externalDataReference": None,
        "email": f"ada{index}@example.com",
        "unsubscribed": False,
    }


class Canned:
    """Fixed answers: `/distributions/EMD_40/links` is a listing of 40 pages, anything else a new contact."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._pages: dict[bytes, bytes] = {}
        self._elements = [_link(index) for index in range(LINKS_A_PAGE)]
        self._created = _ok({"id": "CID_2mN3oP4qR5sT6uV", "contactLookupId": "CGC_5pQ6rS7tU8vW9xY"})

    def __call__(self, method: bytes, target: bytes, _: bytes) -> bytes:
        """Answer at once."""
        if method != b"GET":
            return self._created
        page = self._pages.get(target)
        if page is None:
            page = self._pages[target] = self._page(target.decode())
        return page

    def _page(self, target: str) -> bytes:
        found = _LINKS.match(target)
        if found is None:
            return _http("404 Not Found", {"meta": {"httpStatus": "404 - Not Found"}})
        left = int(found[2] or found[1]) - 1
        path = f"/API/v3/distributions/EMD_{found[1]}/links?surveyId=SV_0aB1cD2eF3gH4iJ&skipToken={left}"
        return _ok({"elements": self._elements, "nextPage": f"{self._origin}{path}" if left else None})


class Window:
    """A quota over a sliding window: what was let through, what was refused, the fullest window."""

    def __init__(self, quota: int) -> None:
        self.quota = quota
        self.arrivals: deque[float] = deque()
        self.accepted = self.refused = self.fullest = 0
        self.first = self.last = 0.0

    def is_full(self, now: float) -> bool:
        """Forget what is too old, and tell whether nothing more may come."""
        while self.arrivals and self.arrivals[0] <= now - WINDOW:
            self.arrivals.popleft()
        return len(self.arrivals) >= self.quota

    def enter(self, now: float) -> None:
        """Count a request."""
        self.first = self.first or now
        self.last = now
        self.accepted += 1
        self.arrivals.append(now)
        self.fullest = max(self.fullest, len(self.arrivals))

    def told(self) -> dict[str, float]:
        """Everything that was counted."""
        return {
            "quota": self.quota,
            "accepted": self.accepted,
            "refused": self.refused,
            "fullest": self.fullest,
            "seconds": self.last - self.first,
        }


class Counted:
    """Canned answers within a brand's and a route's quota, with the latency of a network."""

    def __init__(self, origin: str, brand: int, links: int) -> None:
        self._canned = Canned(origin)
        self._brand = Window(brand)
        self._links = Window(links)
        self._random = Random(60)
        self._refusal = _http("429 Too Many Requests", _REFUSAL)

    def __call__(self, method: bytes, target: bytes, body: bytes) -> Answer:
        """Count the request when it would have arrived; `/counts` tells the counts."""
        if target == b"/counts":
            return _http("200 OK", {"brand": self._brand.told(), "links": self._links.told()})
        there = self._random.uniform(*WAY_THERE)
        now = asyncio.get_running_loop().time() + there
        windows = (self._brand, self._links) if method == b"GET" else (self._brand,)
        full = [window for window in windows if window.is_full(now)]
        for window in full or windows:
            if full:
                window.refused += 1
            else:
                window.enter(now)
        answer = self._refusal if full else self._canned(method, target, body)
        return there + self._random.uniform(*WAY_BACK), answer


class Imports:
    """Import jobs that are over when they have been accepted, and reports that give every row an id."""

    def __init__(self) -> None:
        self._jobs: list[list[str]] = []

    def __call__(self, method: bytes, target: bytes, body: bytes) -> bytes:
        """Start a job, tell its progress, write a page of its report; describe a list, a directory."""
        path, _, query = target.decode().partition("?")
        if method == b"POST":
            contacts = json.loads(body)["contacts"]
            self._jobs.append([contact.get("email", "") for contact in contacts])
            return _ok(
                {
                    "id": f"PGRS_{len(self._jobs) - 1}",
                    "contacts": {"unprocessed": []},
                    "tracking": {"url": path},
                    "status": "in progress",
                }
            )
        parts = path.split("/")
        if parts[-1] == "directories":
            criteria = {"email": True, "firstName": False, "lastName": False, "phone": False}
            directory = {"directoryId": DIRECTORY, "deduplicationCriteria": criteria}
            return _ok({"elements": [directory], "nextPage": None})
        if parts[-1] == "report":
            return self._report(int(parts[-2].removeprefix("PGRS_")), query)
        if not parts[-1].startswith("PGRS_"):
            return _ok({"mailingListId": parts[-1], "name": "Readers"})
        count = len(self._jobs[int(parts[-1].removeprefix("PGRS_"))])
        return _ok(
            {
                "percentComplete": 100.0,
                "contacts": {"count": {"added": count, "updated": 0, "failed": 0}},
                "transactions": {"count": {"created": 0}},
                "invalidEmails": [],
                "status": "complete",
            }
        )

    def _report(self, job: int, query: str) -> bytes:
        emails = self._jobs[job]
        start = int(query.partition("skipToken=")[2] or 0)
        stop = start + REPORT_PAGE
        entries = [
            {
                "sourceIndexId": index,
                "email": email,
                "phone": None,
                "contactId": f"CID_{job:05}{index:05}",
                "importStatus": "PLACEHOLDER_ADDED",
                "importStatusCode": "PLACEHOLDER",
                "contactListContactId": f"CGC_{job:05}{index:05}",
                "contactListContactStatus": "PLACEHOLDER_ADDED",
                "contactListContactStatusCode": "PLACEHOLDER",
            }
            for index, email in enumerate(emails[start:stop], start)
        ]
        following = str(stop) if stop < len(emails) else None
        return _http(
            "200 OK", {"results": {"importReportEntries": entries}, "skipToken": following, "meta": _META}
        )


class Lists:
    """Mailing lists of as many contacts as their ids say, as `CG_100`, and a link for each, in pages.

    Like those of the service, the ids of contacts come in no order.
    """

    _MEMBERS: Final = re.compile(r"/API/v3/[^?]*/CG_(\d+)/contacts(?:.*skipToken=(\d+))?")

    def __init__(self, origin: str) -> None:
        self._origin = origin

    def __call__(self, method: bytes, target: bytes, body: bytes) -> bytes:
        """Make a distribution, or answer a page; anything else is an empty listing."""
        if method == b"POST":
            return _ok({"id": json.loads(body)["mailingListId"].replace("CG_", "EMD_")})
        path = target.decode()
        if found := self._MEMBERS.match(path):
            return self._page(path, found, self._member)
        if found := _LINKS.match(path):
            return self._page(path, found, self._link)
        name = path.rpartition("/")[2]
        if name.startswith("CG_"):
            return _ok({"mailingListId": name, "name": "Readers"})
        return _ok({"elements": [], "nextPage": None})

    def _page(self, path: str, found: re.Match[str], make: Callable[[int], dict[str, Any]]) -> bytes:
        length, start = int(found[1]), int(found[2] or 0)
        stop = min(length, start + LINKS_A_PAGE)
        following = f"{self._origin}{path.partition('?')[0]}?surveyId=SV_0aB1cD2eF3gH4iJ&skipToken={stop}"
        elements = [make(index) for index in range(start, stop)]
        return _ok({"elements": elements, "nextPage": following if stop < length else None})

    def _id(self, index: int) -> str:
        return blake2b(index.to_bytes(8), digest_size=8).hexdigest()[:15]

    def _member(self, index: int) -> dict[str, Any]:
        return {
            "contactId": f"CID_{self._id(index)}",
            "firstName": "Ada",
            "lastName": f"Example{index}",
            "email": f"ada{index}@example.com",
            "phone": None,
            "extRef": f"E{index:07}",
            "language": "en",
            "unsubscribed": False,
            "mailingListUnsubscribed": False,
            "contactLookupId": f"CGC_{self._id(index)}",
        }

    def _link(self, index: int) -> dict[str, Any]:
        return {**_link(index), "contactId": f"CID_{self._id(index)}"}


class Exports:
    """Exports that are over when they have been started: `SV_1000` has 1000 megabytes of responses."""

    def __init__(self) -> None:
        self._files: dict[tuple[str, int], bytes] = {}

    def __call__(self, method: bytes, target: bytes, body: bytes) -> bytes:
        """Start an export, tell its progress, send its file."""
        path = target.decode().removesuffix("/file").split("/")
        if method == b"POST":
            form = json.loads(body)["format"]
            return _ok({"progressId": f"ES_{form}", "percentComplete": 0.0, "status": "inProgress"})
        survey_id, form = path[-3], path[-1].removeprefix("ES_")
        if target.endswith(b"/file"):
            return self._file(form, int(survey_id.removeprefix("SV_")))
        return _ok({"fileId": f"ES_{form}", "percentComplete": 100.0, "status": "complete"})

    def _file(self, form: str, megabytes: int) -> bytes:
        if (form, megabytes) not in self._files:
            data, _ = archive(form, megabytes)
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/zip\r\nContent-Length: {len(data)}\r\n\r\n"
            self._files[form, megabytes] = head.encode() + data
        return self._files[form, megabytes]


class Server(NamedTuple):
    """A server that runs."""

    origin: str

    @property
    def root(self) -> str:
        """The root of the API there."""
        return f"{self.origin}/API/v3"

    def prepare(self, form: str, megabytes: int) -> None:
        """Let an `exports` server make an archive before anybody waits for it."""
        with urllib.request.urlopen(f"{self.root}/surveys/SV_{megabytes}/export-responses/ES_{form}/file"):
            pass

    def counts(self) -> dict[str, dict[str, float]]:
        """What a `quota` server has counted."""
        with urllib.request.urlopen(f"{self.origin}/counts") as answer:
            counts: dict[str, dict[str, float]] = json.load(answer)
        return counts


@contextmanager
def serving(mode: str, **options: int) -> Generator[Server]:
    """Start a server in another process, and end it afterwards."""
    given = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.server", mode, *given],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parent.parent,
    )
    with process:
        try:
            line = process.stdout.readline() if process.stdout else b""
            if not line:
                raise RuntimeError(f"the server for {mode} did not start")
            yield Server(line.decode().strip())
        finally:
            process.terminate()


async def _serve(mode: str, brand: int, links: int) -> None:
    handlers: list[Handler] = []
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Protocol(handlers[0]), "127.0.0.1", 0, backlog=1024)
    host, port = server.sockets[0].getsockname()
    origin = f"http://{host}:{port}"
    match mode:
        case "calls":
            handlers.append(Canned(origin))
        case "quota":
            handlers.append(Counted(origin, brand, links))
        case "links":
            handlers.append(Lists(origin))
        case "exports":
            handlers.append(Exports())
        case _:
            handlers.append(Imports())
    print(origin, flush=True)
    # The pipe ends with the process that started this one, however that came about.
    await loop.run_in_executor(None, os.read, sys.stdin.fileno(), 1)


def main() -> None:
    """Serve until the parent is gone."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.server")
    parser.add_argument("mode", choices=("calls", "quota", "imports", "links", "exports"))
    parser.add_argument("--brand", type=int, default=3000)
    parser.add_argument("--links", type=int, default=500)
    asyncio.run(_serve(**vars(parser.parse_args())))


if __name__ == "__main__":
    main()
