"""Conditions on contacts, in short."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qualtrics_async.models.contact_filters import ContactFilter

if TYPE_CHECKING:
    from datetime import datetime


def where(filter_type: str, comparison: str | bool, value: str | datetime, **more: str) -> ContactFilter:
    """A condition that has a value."""
    return ContactFilter(filter_type=filter_type, comparison=comparison, value=value, **more)
