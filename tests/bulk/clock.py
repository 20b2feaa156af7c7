"""A loop whose clock jumps, for jobs that have a journal: it stands still while a thread works."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec

import anyio.to_thread
import pytest
from virtual import loop, run

P = ParamSpec("P")


def timed(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Turn an async test into one that runs in virtual time, threads with a limit of their own included."""

    @functools.wraps(test)
    def called(*args: P.args, **kwargs: P.kwargs) -> None:
        original = anyio.to_thread.run_sync

        async def counted(*given: Any, **options: Any) -> Any:
            running = loop()._jumping
            running.threads += 1
            try:
                return await original(*given, **options)
            finally:
                running.threads -= 1

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(anyio.to_thread, "run_sync", counted)
            run(test(*args, **kwargs))

    return called
