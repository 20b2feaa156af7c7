"""Responses in an order, without making those that are made by their number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, overload

from qualtrics_async.sandbox.records import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from qualtrics_async.sandbox.batches import Batch

    Key = Callable[[Response], tuple[int, int]]

__all__ = ["Run", "Selection", "by_arrival", "by_change", "by_modification"]


def by_arrival(response: Response) -> tuple[int, int]:
    """The order in which responses came."""
    return response.arrival, 0


def by_change(response: Response) -> tuple[int, int]:
    """The order in which responses came or were changed."""
    return response.change, 0


def by_modification(response: Response) -> tuple[int, int]:
    """The order of the instants at which they came or were changed."""
    return response.modified, response.change


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbours in a batch of responses, as they were made."""

    made: Batch
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    def __iter__(self) -> Iterator[Response]:
        return map(self.made.at, range(self.start, self.stop))

    def cut(self, start: int, stop: int) -> Run:
        """Those of them with a number from start to stop."""
        first = max(self.start, start)
        return Run(self.made, first, max(first, min(self.stop, stop)))


class Selection(Sequence[Response]):
    """Some responses of a survey in order. `parts` are single ones and runs of batches."""

    def __init__(self, parts: Iterable[list[Response] | Run]) -> None:
        self.parts = [part for part in parts if len(part)]

    @classmethod
    def of(cls, kept: Iterable[Response], batches: Iterable[Batch], order: Key = by_arrival) -> Selection:
        """Single ones and those of batches, in one order."""
        kept, runs = list(kept), []
        for made in batches:
            kept += [response for response in made.changed.values() if response is not None]
            runs += [run for run in _untouched(made) if len(run)]
        if not runs:
            return cls([sorted(kept, key=order)])
        units: list[tuple[tuple[int, int], list[Response] | Run]] = [
            (order(run.made.at(run.start)), run) for run in runs
        ]
        units += [(order(response), [response]) for response in kept]
        units.sort(key=lambda unit: unit[0])
        return cls(_joined(part for _, part in units))

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    def __iter__(self) -> Iterator[Response]:
        for part in self.parts:
            yield from part

    @overload
    def __getitem__(self, index: int) -> Response: ...
    @overload
    def __getitem__(self, index: slice) -> list[Response]: ...
    def __getitem__(self, index: int | slice) -> Response | list[Response]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        place = index if index >= 0 else index + len(self)
        for part in self.parts:
            if 0 <= place < len(part):
                return part.made.at(part.start + place) if isinstance(part, Run) else part[place]
            place -= len(part)
        raise IndexError(index)

    def where(self, keep: Callable[[Response], bool], cut: Callable[[Run], Run]) -> Selection:
        """Those that are kept by themselves, and what a cut leaves of each run."""
        return Selection(
            cut(part) if isinstance(part, Run) else list(filter(keep, part)) for part in self.parts
        )

    def only(self, keep: Callable[[Response], bool]) -> Selection:
        """Those that are kept by themselves, each of which is looked at."""
        found: list[list[Response] | Run] = []
        for part in self.parts:
            if not isinstance(part, Run):
                found.append(list(filter(keep, part)))
                continue
            start = part.start
            for index in range(part.start, part.stop):
                if not keep(part.made.at(index)):
                    found.append(part.cut(start, index))
                    start = index + 1
            found.append(part.cut(start, part.stop))
        return Selection(found)

    def first(self, count: int | None) -> Selection:
        """The first so many, all for None."""
        if count is None or count >= len(self):
            return self
        found: list[list[Response] | Run] = []
        for part in self.parts:
            left = count - sum(map(len, found))
            found.append(part.cut(part.start, part.start + left) if isinstance(part, Run) else part[:left])
        return Selection(found)

    def split(self, size: int) -> Iterator[Selection]:
        """Pieces of at most so many; one that is empty where there is nothing."""
        piece: list[list[Response] | Run] = []
        room = size
        for part in self.parts:
            start = 0
            while start < len(part):
                taken = min(room, len(part) - start)
                begin = start + part.start if isinstance(part, Run) else start
                piece.append(
                    part.cut(begin, begin + taken) if isinstance(part, Run) else part[begin : begin + taken]
                )
                start, room = start + taken, room - taken
                if not room:
                    yield Selection(piece)
                    piece, room = [], size
        if piece or not self.parts:
            yield Selection(piece)


def _untouched(made: Batch) -> Iterator[Run]:
    """The runs between those that are no longer as they were made."""
    start = 0
    for index in sorted(made.changed):
        yield Run(made, start, index)
        start = index + 1
    yield Run(made, start, made.count)


def _joined(parts: Iterable[list[Response] | Run]) -> Iterator[list[Response] | Run]:
    """The same with the kept ones between two runs in one list."""
    waiting: list[Response] = []
    for part in parts:
        if isinstance(part, Run):
            yield waiting
            waiting = []
            yield part
        else:
            waiting += part
    yield waiting
