"""Records that are kept as the wire has them, for everything that nothing else reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qualtrics_async.sandbox.wire import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Shelf"]


class Shelf:
    """Records of one kind, each under the ids of its path, outermost first; in order of arrival.

    `shelf.find(directory_id, segment_id)`, `shelf.under(directory_id)`.
    """

    def __init__(self, noun: str) -> None:
        self._noun = noun
        self._records: dict[tuple[str, ...], dict[str, Any]] = {}

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self._records.values())

    def put(self, *ids: str, record: dict[str, Any]) -> None:
        """Keep a record, in place of the one before."""
        self._records[ids] = record

    def get(self, *ids: str) -> dict[str, Any] | None:
        """The record, if there is one."""
        return self._records.get(ids)

    def find(self, *ids: str) -> dict[str, Any]:
        """The record, which must be there. The refusal is assumed."""
        record = self._records.get(ids)
        if record is None:
            raise Refused(404, "PLACEHOLDER_404", f"No such {self._noun}.")
        return record

    def under(self, *ids: str) -> list[dict[str, Any]]:
        """The records whose path begins with these ids."""
        return [record for key, record in self._records.items() if key[: len(ids)] == ids]

    def remove(self, *ids: str) -> dict[str, Any]:
        """Take a record away, which must be there."""
        record = self.find(*ids)
        del self._records[ids]
        return record
