"""Conditions on contacts of a directory, alone or combined."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import UNSET, UnsetType

from qualtrics_async.errors import UsageError
from qualtrics_async.models._base import Input
from qualtrics_async.models._dates import utc_text

__all__ = ["ContactFilter", "ContactFilterGroup"]


class _Condition(Input, kw_only=True):
    """What can be combined: `a & b`, `a | b`."""

    def __and__(self, other: ContactFilter | ContactFilterGroup) -> ContactFilterGroup:
        return _joined("and", self, other)

    def __or__(self, other: ContactFilter | ContactFilterGroup) -> ContactFilterGroup:
        return _joined("or", self, other)


class ContactFilter(_Condition, kw_only=True):
    """One condition; `a & b` combines two.

    What goes together (documented):

    - `email`, `firstName`, `lastName`, `language`, `phone` or `extRef` with `eq` or `neq` and a `value`,
      whatever its case
    - `created` or `lastModified` with `eq`, `neq`, `gt`, `gte`, `lt` or `lte` and a `value`: an aware
      `datetime`, or text, `YYYY-MM-DD` or `YYYY-MM-DD HH:MM:SS` in UTC
    - `inList` with `True` or `False` and a `mailing_list_id`
    - `infoFieldState` with `empty` or `notEmpty` and a `field`: `email`, `extRef`, `firstName`, `lastName`

    `embeddedData` has a `field` and a `value`; it is documented elsewhere, and for the search assumed.
    """

    filter_type: str
    comparison: str | bool
    value: str | datetime | UnsetType = UNSET
    mailing_list_id: str | UnsetType = UNSET
    field: str | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Write an instant as the service takes it."""
        if isinstance(self.value, datetime):
            self.value = utc_text(self.value, "value")


class ContactFilterGroup(_Condition, kw_only=True):
    """Two to five conditions that hold all (`and`, documented) or of which one holds (`or`, assumed).

    Groups in groups are assumed too.

    Raises:
        UsageError: without conditions, which would not mean every contact.
    """

    conjunction: str = "and"
    filters: Sequence[ContactFilter | ContactFilterGroup]

    def __post_init__(self) -> None:
        """Refuse a group that cannot be meant."""
        if not self.filters:
            raise UsageError("a group of filters needs at least one")


def _joined(conjunction: str, *conditions: Any) -> ContactFilterGroup:
    """Combine conditions; a group of the same kind takes the others in, because groups are short."""
    filters: list[Any] = []
    for condition in conditions:
        same = isinstance(condition, ContactFilterGroup) and condition.conjunction == conjunction
        filters += condition.filters if same else [condition]
    return ContactFilterGroup(conjunction=conjunction, filters=filters)
