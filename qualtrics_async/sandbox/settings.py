"""What a sandbox is told at its construction and handlers must know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from qualtrics_async.sandbox.jobs import ByPolls, BySeconds

__all__ = ["Exports", "Imports", "Links", "Settings"]

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
