"""What must not happen twice is sent once, whatever comes back; what is far-reaching waits for a yes."""

from __future__ import annotations

import asyncio
import inspect
import warnings
from operator import attrgetter
from typing import Any

import pytest
from operations import METHODS, client_of
from recorder import Recorder
from test_catalogue import CREDENTIALS, ROWS, arguments, begin, build

from qualtrics_async import Limits, OutcomeUnknown, Qualtrics, RetryPolicy, UsageError
from qualtrics_async.sandbox import FaultKind, Sandbox

ONCE = [
    name
    for name, row in ROWS.items()
    if name != CREDENTIALS and {"nonidempotent", "confirm"} & {*row["flags"].split()}
]
CONFIRMED = [name for name, method in METHODS.items() if "confirm" in inspect.signature(method).parameters]


@pytest.mark.parametrize("kind", ["cut", "status", "html", "truncated"])
def test_what_is_in_doubt_arrives_once(kind: FaultKind) -> None:
    """The service did it and failed, or said nothing that can be read: doubt is told, nothing resent."""

    async def main() -> dict[str, int]:
        arrived: dict[str, int] = {}
        retry = RetryPolicy(base=0)
        async with (
            Sandbox() as sandbox,
            Qualtrics(
                token=sandbox.token, base_url=sandbox.base_url, limits=Limits.unlimited(), retry=retry
            ) as client,
        ):
            sandbox.faults.add(kind=kind, when="after", times=None, status=500)
            for name in ONCE:
                sandbox.requests.clear()
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", DeprecationWarning)
                    with pytest.raises(OutcomeUnknown):
                        await begin(attrgetter(name)(client)(**arguments(name)))
                arrived[name] = len(sandbox.requests)
        return arrived

    assert asyncio.run(main()) == dict.fromkeys(ONCE, 1)


def test_what_asks_for_consent_is_in_the_catalogue() -> None:
    """No operation asks for it unlisted, and a `run` asks where its `start` does."""
    flagged = {name for name, row in ROWS.items() if "confirm" in row["flags"].split()}
    assert {name for name in CONFIRMED if not name.endswith(".run")} == flagged
    runs = {name.replace(".start", ".run") for name in flagged if name.endswith(".start")}
    assert {name for name in CONFIRMED if name.endswith(".run")} == runs


EMPTIED = {
    "customer_data_requests.start": "request",
    "imported_data_projects.records.update": "record",
    "oauth_tokens.delete": "selection",
    "response_edits.start": "edits",
    "survey_definitions.flow.update": "flow",
    "survey_definitions.flow.update_element": "element",
    "survey_definitions.options.update": "options",
    "survey_definitions.translations.update": "translations",
    "tickets.statuses.update": "statuses",
    "tickets.update_additional_data": "data",
}
"""What replaces all that there is, or acts on what its body names."""


@pytest.mark.parametrize("name", EMPTIED)
def test_nothing_never_means_all(name: str) -> None:
    """An empty body is refused before anything is sent."""
    with pytest.raises(UsageError, match="empty"):
        build(name, **{EMPTIED[name]: {}})


@pytest.mark.parametrize("name", CONFIRMED)
@pytest.mark.parametrize("confirm", [False, None, 1, "yes"])
def test_no_way_around_consent(name: str, confirm: Any) -> None:
    """Anything but `True` is refused before anything is sent, and there is no default."""
    recorder = Recorder()
    method = attrgetter(name)(client_of(recorder))
    start = arguments(name.replace(".run", ".start")) | {"confirm": confirm}
    with pytest.raises(UsageError, match="confirm=True"):
        asyncio.run(begin(method(**start)))
    with pytest.raises(TypeError, match="confirm"):
        method(**{key: value for key, value in start.items() if key != "confirm"})
    assert recorder.requests == []
