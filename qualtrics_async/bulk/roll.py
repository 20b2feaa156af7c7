"""The roll of a mailing list: which rows of an import without a report are in the list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from qualtrics_async.bulk.finding import Found, Key
from qualtrics_async.bulk.records import Kind, Result
from qualtrics_async.bulk.traces import Who
from qualtrics_async.errors import JobFailed, QualtricsError
from qualtrics_async.models.contacts import ListContact

__all__ = ["Roll", "all_keys"]

_KEYS: Final = frozenset({"email", "ext_ref"})
_TOLD_APART: Final = 2


class Roll:
    """Keeps of a listing what concerns the rows that it was told of."""

    def __init__(self) -> None:
        self._seen: dict[Key, list[Found]] = {}

    def expect(self, rows: Iterable[Who]) -> None:
        """Say whom to look out for, before the listing is read."""
        for row in rows:
            for key in row.keys:
                self._seen.setdefault(_plain(key), [])

    def add(self, contacts: Sequence[ListContact]) -> None:
        """Add a page of the listing."""
        for contact in contacts:
            for key in Who(email=contact.email, ext_ref=contact.ext_ref).keys:
                seen = self._seen.get(_plain(key))
                if seen is not None and len(seen) < _TOLD_APART:
                    seen.append(Found(contact.contact_id, contact.contact_lookup_id))

    def find(self, keys: Iterable[Key]) -> list[Found]:
        """The contacts of the first of these keys that any has; two stand for several."""
        return next((seen for key in keys if (seen := self._seen.get(_plain(key)))), [])

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

        `own` has the keys of rows that no other row of their list has, by position and field: whoever has
        such a key in the list is that row's contact (assumed). When the import is known to be `over`, a row
        of which nothing is in the list was refused, unless the directory's `criteria` may have made one
        contact of it and another row and changed both keys.
        """
        results: dict[int, Result] = {}
        traceable = over and criteria is not None and criteria <= _KEYS
        refused = JobFailed("the import was accepted, and gave the row no contact")
        for position, row in enumerate(rows):
            keys = [key for key in row.keys if (position, key.field) in own]
            found = self.find(keys)
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
            elif traceable and not self.find(row.keys):
                results[position] = Result(position, Kind.FAILED, "refused by the import", refused)
            else:
                results[position] = Result(position, Kind.IN_DOUBT, "lost reply", doubt)
        return results


def all_keys(rows: Sequence[Who]) -> dict[tuple[int, str], Key]:
    """List all keys of rows by position and field."""
    return {(position, key.field): key for position, row in enumerate(rows) for key in row.keys}


def _plain(key: Key) -> Key:
    """Without regard to case and to spaces around it, as the service compares (documented of its search)."""
    return Key(key.field, key.value.strip().casefold())
