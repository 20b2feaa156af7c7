"""`responses`."""

from __future__ import annotations

from cyclopts import App

__all__ = ["app"]

app = App(name="responses", help="Responses of surveys.")
