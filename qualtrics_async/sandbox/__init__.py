"""A stateful fake of the vendor's service: a real HTTP server on the loopback interface.

```python
async with Sandbox() as sandbox:
    async with Qualtrics(token=sandbox.token, base_url=sandbox.base_url) as client:
        ...
    assert len(sandbox.state.contacts) == 3
```
"""

from __future__ import annotations

from qualtrics_async.sandbox.delivery_faults import DeliveryFault, DeliveryFaultKind
from qualtrics_async.sandbox.faults import Fault, FaultKind, Faults
from qualtrics_async.sandbox.jobs import ByPolls, BySeconds
from qualtrics_async.sandbox.limits import Quotas
from qualtrics_async.sandbox.questions import Question
from qualtrics_async.sandbox.records import DeliveryRecord, RequestRecord
from qualtrics_async.sandbox.server import Sandbox, routes
from qualtrics_async.sandbox.settings import Deliveries, Exports
from qualtrics_async.sandbox.state import State

__all__ = [
    "ByPolls",
    "BySeconds",
    "Deliveries",
    "DeliveryFault",
    "DeliveryFaultKind",
    "DeliveryRecord",
    "Exports",
    "Fault",
    "FaultKind",
    "Faults",
    "Question",
    "Quotas",
    "RequestRecord",
    "Sandbox",
    "State",
    "routes",
]
