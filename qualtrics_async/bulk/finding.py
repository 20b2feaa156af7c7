"""Finding contacts of a mailing list by what the caller knows of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from qualtrics_async.client import Qualtrics
from qualtrics_async.models.contact_filters import ContactFilter

__all__ = ["Finder", "Found", "Key", "key_of"]

_MOST: Final = 3
"""Contacts of one key that are told apart: none, one, or several."""


class Key(NamedTuple):
    """What identifies a contact for the caller: a field (`extRef`, `email`), and its value."""

    field: str
    value: str


class Found(NamedTuple):
    """A contact of a list: its ids in the directory and in the list, the second where it was asked for."""

    contact_id: str
    contact_lookup_id: str | None = None


def key_of(contact: Mapping[str, Any], fields: Sequence[str] = ("extRef", "email")) -> Key | None:
    """Choose the key of a contact: the first of these fields that it has; a blank one is none."""
    for field in fields:
        value = contact.get(field)
        if isinstance(value, str) and value.strip():
            return Key(field, value.strip())
    return None


class Finder:
    """Searches the contacts of one directory.

    A search takes one request. The service compares without regard to case and to spaces around a value
    (documented). That a new contact is found at once is not documented: whoever concludes from absence looks
    for a contact of the same age as well.
    """

    def __init__(self, client: Qualtrics, directory_id: str) -> None:
        self._client = client
        self._directory_id = directory_id

    async def find(self, mailing_list_id: str, key: Key, *, lookup: bool = False) -> list[Found]:
        """Find the contacts of a list that have this key, three at most.

        With `lookup` their ids in the list are asked for too, by one more request for each.

        Raises:
            QualtricsError: when the search is refused (it needs XM Directory), or there is no answer.
        """
        member = ContactFilter(filter_type="inList", comparison=True, mailing_list_id=mailing_list_id)
        named = ContactFilter(filter_type=key.field, comparison="eq", value=key.value)
        # A page may be short, or empty, and not the last: one request, where nothing follows the first.
        found = await self._client.contacts.search(self._directory_id, member & named).collect(limit=_MOST)
        # A page that comes again names the same contact.
        contacts = list(dict.fromkeys(Found(contact.id) for contact in found))
        return [await self._with_lookup(mailing_list_id, one) for one in contacts] if lookup else contacts

    async def _with_lookup(self, mailing_list_id: str, found: Found) -> Found:
        contact = await self._client.contacts.get(self._directory_id, found.contact_id)
        membership = contact.mailing_lists.get(mailing_list_id)
        return found._replace(contact_lookup_id=membership.contact_lookup_id if membership else None)
