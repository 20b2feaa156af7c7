"""Which row goes into which chunk: a pure function of what came before."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import msgspec

__all__ = ["Chunk", "Chunker", "size_of_names"]

K = TypeVar("K", bound=Hashable)


@dataclass(slots=True)
class Chunk(Generic[K]):
    """Rows of one key that are sent together: `number` from 1 up, `count` rows of `size` bytes in all.

    In the size are the `names` of their transaction data, which the chunk says once each.
    """

    number: int
    key: K
    count: int = 0
    size: int = 0
    names: set[str] = field(default_factory=set)


def size_of_names(names: Iterable[str]) -> int:
    """How many bytes a chunk takes to say these names: JSON strings, a comma each."""
    return sum(len(msgspec.json.encode(name)) + 1 for name in names)


class Chunker(Generic[K]):
    """Fills one chunk for each key until the next row does not fit, by count and by bytes.

    Every row costs its size, `overhead` bytes (a comma, say), and the names that are new to its chunk. A row
    that fits no chunk is the caller's to refuse: see `fits()`.
    """

    def __init__(self, max_count: int, max_size: int, *, overhead: int = 1, first: int = 1) -> None:
        self._max_count = max_count
        self._max_size = max_size
        self._overhead = overhead
        self._next = first
        self._open: dict[K, Chunk[K]] = {}

    def fits(self, size: int) -> bool:
        """Whether a row of this many bytes, with all of its names, fits into a chunk at all."""
        return size + self._overhead <= self._max_size

    def add(self, key: K, size: int, names: Collection[str] = ()) -> tuple[Chunk[K], Chunk[K] | None]:
        """Place a row: the chunk that it is in now, and the one that is full because of it, if any."""
        chunk, full = self._open.get(key), None
        if chunk is not None and not self._has_room(chunk, size, names):
            full, chunk = chunk, None
        if chunk is None:
            chunk = self._open[key] = Chunk(self._next, key)
            self._next += 1
        chunk.count += 1
        chunk.size += self._cost(chunk, size, names)
        chunk.names.update(names)
        return chunk, full

    def _has_room(self, chunk: Chunk[K], size: int, names: Collection[str]) -> bool:
        cost = self._cost(chunk, size, names)
        return chunk.count < self._max_count and chunk.size + cost <= self._max_size

    def _cost(self, chunk: Chunk[K], size: int, names: Collection[str]) -> int:
        new = () if chunk.names.issuperset(names) else set(names) - chunk.names
        return size + self._overhead + size_of_names(new)

    def restore(self, chunk: Chunk[K]) -> None:
        """Go on filling a chunk that an earlier process began."""
        self._open[chunk.key] = chunk
        self.skip(chunk.number)

    def skip(self, number: int) -> None:
        """Leave out the numbers up to this one: an earlier process has used them."""
        self._next = max(self._next, number + 1)

    def flush(self) -> list[Chunk[K]]:
        """End the input: the chunks that are still open, in the order in which they were begun."""
        rest = sorted(self._open.values(), key=lambda chunk: chunk.number)
        self._open.clear()
        return rest
