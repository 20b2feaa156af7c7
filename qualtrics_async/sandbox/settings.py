"""What a sandbox is told at its construction and handlers must know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from qualtrics_async.sandbox.jobs import ByPolls, BySeconds

__all__ = ["Imports", "Links", "Settings"]

Imports = Literal["queued", "at_once"]
Links = Literal["at_once", "growing"]


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
