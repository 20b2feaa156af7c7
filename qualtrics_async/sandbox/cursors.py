"""Cursors: how many elements there are before a page, and which listing they belong to."""

from __future__ import annotations

import base64
from typing import NamedTuple

__all__ = ["LIFETIME", "Cursor"]

LIFETIME = 7 * 86_400_000
"""Milliseconds that a cursor is good for: documented. That they count from the first page is assumed."""


class Cursor(NamedTuple):
    """A place in a listing. `turn` tells two cursors to the same place apart.

    `listing` and `began` bind it to one listing and the time of its first page, in milliseconds.
    """

    start: int = 0
    turn: int = 0
    listing: str = ""
    began: int = 0

    def text(self, *, opaque: bool) -> str:
        """As it is sent: in base64, as observed, where the vendor's cursors are opaque."""
        plain = str(self.start)
        if not opaque:
            return plain
        if self.turn:
            plain += f".{self.turn}"
        if self.listing:
            plain += f"@{self.listing}@{self.began}"
        return base64.urlsafe_b64encode(plain.encode()).decode()

    @classmethod
    def read(cls, text: str, *, opaque: bool) -> Cursor:
        """What was sent.

        Raises:
            ValueError: for what is no cursor.
        """
        plain = base64.urlsafe_b64decode(text).decode() if opaque else text
        place, _, binding = plain.partition("@")
        start, _, turn = place.partition(".")
        listing, _, began = binding.partition("@")
        made = cls(int(start), int(turn or 0), listing, int(began or 0))
        if made.start < 0:
            raise ValueError(text)
        return made
