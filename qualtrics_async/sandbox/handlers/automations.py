"""The automations file service."""

from __future__ import annotations

from qualtrics_async.sandbox.routing import Routes

__all__ = ["routes"]

routes = Routes()
