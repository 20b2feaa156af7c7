"""What a sandbox is told at its construction and handlers must know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ssl import SSLContext

    from qualtrics_async.sandbox.jobs import ByPolls, BySeconds

__all__ = ["Deliveries", "Exports", "Imports", "Links", "Settings"]

Imports = Literal["queued", "at_once"]
Links = Literal["at_once", "growing"]


@dataclass(frozen=True, slots=True)
class Exports:
    """How exports of responses behave where the vendor's ways are not known, or tests need others.

    - `rows`: how many go into one member of the archive; that more than a million go into further members,
      named `<survey>_2.csv` and so on, is documented, the numbers are assumed.
    - `repeat_headers`: later members begin with the header rows too (assumed).
    - `raw_names`: members are named as the survey is, `../` and quotes included; else odd characters are `_`.
    - `bom`: tables begin with a byte order mark.
    - `ranges`: files are also sent from a byte on, with `ETag` and `Accept-Ranges` (assumed).
    - `lag`: seconds of the sandbox's clock until what is new reaches exports (at the service, minutes).
    """

    rows: int = 1_000_000
    repeat_headers: bool = True
    raw_names: bool = False
    bom: bool = False
    ranges: bool = True
    lag: float = 0.0

    def __post_init__(self) -> None:
        """Refuse members without rows."""
        if self.rows < 1:
            raise ValueError("a member has at least one row")


@dataclass(frozen=True, slots=True)
class Deliveries:
    """How events are delivered to subscriptions, where the vendor's ways are not known, or tests need others.

    That a delivery is repeated on failure is documented, that the URL must answer GET too; the numbers and
    what counts as a failure are assumed: anything but 2xx, a redirect too, and no answer.

    - `attempts`: how often a delivery is posted until it is answered with 2xx, then it is given up.
    - `first`, `factor`: seconds of the loop's time before the second attempt, and how much longer each pause
      is than the one before.
    - `timeout`: seconds until an attempt has failed.
    - `at_once`: attempts for one subscription at the same time; the order of events is not kept.
    - `require_get`: a subscription is refused (400, assumed) unless its URL answers a GET with 2xx. Else the
      GET is made all the same, and changes nothing.
    - `anywhere`: connect to other machines too. Else what is not for `localhost` or a loopback address is
      only recorded, so that no test calls out.
    - `ssl`: a client-side context, for receivers with a certificate of their own.
    """

    attempts: int = 5
    first: float = 1.0
    factor: float = 2.0
    timeout: float = 10.0
    at_once: int = 10
    require_get: bool = False
    anywhere: bool = False
    ssl: SSLContext | None = None

    def __post_init__(self) -> None:
        """Refuse numbers with which nothing would ever be delivered."""
        if self.attempts < 1 or self.at_once < 1 or self.timeout <= 0:
            raise ValueError("a delivery takes an attempt, at least one at once, and some time")
        if self.first < 0 or self.factor < 0:
            raise ValueError("a pause is not negative")


@dataclass(frozen=True, slots=True)
class Settings:
    """The behaviour that handlers share; `Sandbox` documents each."""

    jobs: ByPolls | BySeconds
    imports: Imports
    links: Links
    page_size: int
    max_page_size: int | None
    import_report: bool
    quirks: bool
    gzip: bool
    proxied: bool
    latency: float
    record_bodies: bool
    exports: Exports
    deliveries: Deliveries
