"""Time, ids and turns of a sandbox."""

from __future__ import annotations

import random
import string
import threading
import time
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Clockwork"]

_ALPHABET = string.digits + string.ascii_letters


class Clockwork:
    """What every record needs: an instant, an id, and nobody else who changes it meanwhile."""

    def __init__(self, seed: int, clock: Callable[[], float]) -> None:
        self._random = random.Random(seed)  # noqa: S311  # ids must be reproducible
        self._request_ids = random.Random(seed)  # noqa: S311  # refusals must not disturb the other ids
        self._clock = clock
        self._born = time.time() - clock()
        self._lock = threading.RLock()
        self._served_by: int | None = None

    def now(self) -> int:
        """Milliseconds since the epoch; advances with the sandbox's clock."""
        return self.instant(self._clock())

    def instant(self, seconds: float) -> int:
        """Milliseconds since the epoch at a time of the sandbox's clock."""
        return int((self._born + seconds) * 1000)

    def monotonic(self) -> float:
        """Seconds of the sandbox's clock."""
        return self._clock()

    def new_id(self, prefix: str) -> str:
        """A prefix and 15 random characters, the same for the same seed."""
        return prefix + "".join(self._random.choices(_ALPHABET, k=15))

    def new_request_id(self) -> str:
        """A UUID."""
        return str(uuid.UUID(int=self._request_ids.getrandbits(128), version=4))

    @contextmanager
    def serving(self) -> Iterator[None]:
        """A turn without a wait, in which no other thread has one; turns nest."""
        with self._lock:
            before, self._served_by = self._served_by, threading.get_ident()
            try:
                yield
            finally:
                self._served_by = before

    @property
    def is_serving(self) -> bool:
        """Whether this thread has its turn."""
        return self._served_by == threading.get_ident()
