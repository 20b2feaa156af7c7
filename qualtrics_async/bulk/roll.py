"""The roll of a mailing list: which rows of an import without a report are in the list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from qualtrics_async.bulk.finding import Found, Key
from qualtrics_async.bulk.records import Kind, Result
from qualtrics_async.bulk.traces import Who
from qualtrics_async.errors import JobFailed, QualtricsError
from qualtrics_async.models.contacts import ListContact

__all__ = ["Roll", "all_keys"]

_KEYS: Final = frozenset({"email", "ext_ref"})
_TOLD_APART: Final = 8
"""Contacts of one key that are compared; of more, nothing is said of those that came later."""


class _Seen(NamedTuple):
    """A contact of the list, and what can identify it."""

    ids: Found
    who: Who


class Roll:
    """Keeps of a listing what concerns the rows that it was told of."""

    def __init__(self) -> None:
        self._seen: dict[Key, list[_Seen]] = {}

    def expect(self, rows: Iterable[Who]) -> None:
        """Say whom to look out for, before the listing is read."""
        for row in rows:
            for key in row.keys:
                self._seen.setdefault(_plain(key), [])

    def add(self, contacts: Sequence[ListContact]) -> None:
        """Add a page of the listing."""
        for contact in contacts:
            who = Who(**{name: getattr(contact, name) for name in Who.__struct_fields__})
            for key in who.keys:
                seen = self._seen.get(_plain(key))
                if seen is not None and len(seen) < _TOLD_APART:
                    seen.append(_Seen(Found(contact.contact_id, contact.contact_lookup_id), who))

    def decide(
        self,
        rows: Sequence[Who],
        own: Mapping[tuple[int, str], Key],
        doubt: QualtricsError,
        *,
        over: bool,
        criteria: frozenset[str] | None,
    ) -> dict[int, Result]:
        """Tell what became of each row of an import that was accepted.

        `own` has the keys of rows that no other row of their list has, by position and field. Whoever has
        such a key in the list and all else that the row says is that row's contact (assumed). The key alone
        proves nothing: its contact may be older than the import, which may have refused the row. An older one
        that says the same is what was wanted. When the import is known to be `over`, a row of which nothing
        is in the list was refused, unless the directory's `criteria` may have made one contact of it and
        another row and changed both keys.
        """
        results: dict[int, Result] = {}
        traceable = over and criteria is not None and criteria <= _KEYS
        refused = JobFailed("the import was accepted, and gave the row no contact")
        for position, row in enumerate(rows):
            keys = [key for key in row.keys if (position, key.field) in own]
            found = self._find(row, keys)
            if len(found) == 1:
                ids = found[0]
                results[position] = Result(
                    position,
                    Kind.OK,
                    contact_id=ids.contact_id,
                    contact_lookup_id=ids.contact_lookup_id,
                )
            elif found:
                results[position] = Result(position, Kind.OK)
            elif not keys:
                results[position] = Result(position, Kind.IN_DOUBT, "no key", doubt)
            elif traceable and not any(self._seen.get(_plain(key)) for key in row.keys):
                results[position] = Result(position, Kind.FAILED, "refused by the import", refused)
            else:
                results[position] = Result(position, Kind.IN_DOUBT, "lost reply", doubt)
        return results

    def _find(self, row: Who, keys: Iterable[Key]) -> list[Found]:
        """The contacts that have one of these keys and all that a row says."""
        seen = (one for key in keys for one in self._seen.get(_plain(key), ()))
        return list(dict.fromkeys(one.ids for one in seen if _has_all(one.who, row)))


def all_keys(rows: Sequence[Who]) -> dict[tuple[int, str], Key]:
    """List all keys of rows by position and field."""
    return {(position, key.field): key for position, row in enumerate(rows) for key in row.keys}


def _has_all(contact: Who, row: Who) -> bool:
    """Whether a contact has everything that a row says; a blank value says nothing."""
    return all(
        _same(name, getattr(contact, name) or "", value)
        for name in Who.__struct_fields__
        if (value := getattr(row, name)) and value.strip()
    )


def _same(name: str, one: str, other: str) -> bool:
    if name == "phone":  # the service may write it in another way (assumed)
        return [*filter(str.isdigit, one)] == [*filter(str.isdigit, other)]
    return _plain_text(one) == _plain_text(other)


def _plain(key: Key) -> Key:
    return Key(key.field, _plain_text(key.value))


def _plain_text(value: str) -> str:
    """Without regard to case and to spaces around it, as the service compares (documented of its search)."""
    return value.strip().casefold()
