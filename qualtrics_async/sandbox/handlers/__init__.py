"""One module per group of operations; each handler says where the shape of its answer comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qualtrics_async.sandbox.handlers import (
    contacts,
    directories,
    distributions,
    event_subscriptions,
    imports,
    mailing_lists,
    oauth,
    surveys,
    users,
)

if TYPE_CHECKING:
    from qualtrics_async.sandbox.routing import Operation

__all__ = ["OPERATIONS"]

OPERATIONS: tuple[Operation, ...] = (
    *oauth.routes,
    *users.routes,
    *surveys.routes,
    *directories.routes,
    *mailing_lists.routes,
    *contacts.routes,
    *imports.routes,
    *distributions.routes,
    *event_subscriptions.routes,
)
"""Every operation that the sandbox implements."""
