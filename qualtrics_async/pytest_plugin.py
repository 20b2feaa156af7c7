"""Fixtures for the tests of those who use this package: a sandbox, and a client made for it.

```python
async def test_import(qualtrics, qualtrics_sandbox):
    async with qualtrics as client:
        await client.users.whoami()
    assert qualtrics_sandbox.requests
```

Both are ordinary, synchronous fixtures, so tests may run under anyio's plugin, pytest-asyncio or none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from qualtrics_async import Qualtrics
    from qualtrics_async.sandbox import Sandbox

__all__ = ["qualtrics", "qualtrics_sandbox"]


@pytest.fixture
def qualtrics_sandbox() -> Iterator[Sandbox]:
    """A sandbox of the service, on a thread of its own, new for every test."""
    from qualtrics_async.sandbox import Sandbox

    with Sandbox.in_thread() as sandbox:
        yield sandbox


@pytest.fixture
def qualtrics(qualtrics_sandbox: Sandbox) -> Qualtrics:
    """A client for the sandbox, to be entered by the test; it waits for nothing longer than it must."""
    from qualtrics_async import Limits, Polling, Qualtrics, RetryPolicy

    return Qualtrics(
        token=qualtrics_sandbox.token,
        base_url=qualtrics_sandbox.base_url,
        limits=Limits.unlimited(),
        polling=Polling(first=0.01, factor=1.2, longest=0.1, deadline=30.0),
        retry=RetryPolicy(base=0.01, cap=0.1),
    )
