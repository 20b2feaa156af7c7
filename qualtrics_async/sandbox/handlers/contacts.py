"""Contacts of a directory, and the search among them."""

from __future__ import annotations

from qualtrics_async.sandbox.routing import Routes

__all__ = ["routes"]

routes = Routes()
